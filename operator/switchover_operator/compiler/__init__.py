"""One snapshot of objects → one table and one report for each object. No sockets, no clock."""
