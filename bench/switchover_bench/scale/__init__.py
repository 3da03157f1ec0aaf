"""How Switchover's cost grows: with routes, with streams, with time. `make bench-scale`."""
