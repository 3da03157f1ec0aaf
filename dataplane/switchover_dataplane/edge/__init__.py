"""Who comes in: sockets and connections of clients, and what is refused before there is a request."""
