"""The data plane: HTTP in, HTTP out, a table in memory. It knows nothing of Kubernetes."""
