"""The failing model: an HTTP server that answers, refuses and stalls as a scenario says."""
