"""The process itself: memory, turns of the event loop, its parent, TLS contexts."""
