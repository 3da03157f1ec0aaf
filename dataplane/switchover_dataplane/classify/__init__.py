"""Why an answer is a failure: its class, whom it concerns, how long to wait. No sockets, no clock."""
