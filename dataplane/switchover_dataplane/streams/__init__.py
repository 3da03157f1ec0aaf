"""Streams of events: what was sent of an answer, whether it is whole, and how it is continued. No sockets, no clock."""
