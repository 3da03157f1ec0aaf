"""The forms of the APIs: answers, stream events, ends and errors. No sockets, no clock."""
