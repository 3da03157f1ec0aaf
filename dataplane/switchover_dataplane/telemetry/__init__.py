"""What is written down: failover traces, metrics, log lines."""
