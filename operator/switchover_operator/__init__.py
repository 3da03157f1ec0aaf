"""The control plane: Kubernetes objects in, one table and statuses out."""
