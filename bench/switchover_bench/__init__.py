"""Benchmarks of Switchover beside other proxies, and of how its cost grows. A tool of the repository, not shipped."""
