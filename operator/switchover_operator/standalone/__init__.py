"""`switchover run` and `switchover check`: files as the source of objects, without a cluster."""
