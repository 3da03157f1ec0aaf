"""The operator in a cluster: kopf as the source of objects, data planes behind a Service, statuses as what is told."""
