"""Event streams: what was sent of an answer, whether it is whole, how it is continued. No sockets, no clock."""
