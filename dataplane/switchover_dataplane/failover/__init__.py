"""What is tried next, and when a request ends. No sockets; the clock and chance are handed in."""
