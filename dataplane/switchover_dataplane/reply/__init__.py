"""What the client gets: an answer, a stream, or an error of the gateway's own."""
