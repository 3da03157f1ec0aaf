"""Why an answer is a failure: its error class, its scope and its wait. No sockets, no clock."""
