"""The process: memory, turns of the event loop, the parent process, TLS contexts."""
