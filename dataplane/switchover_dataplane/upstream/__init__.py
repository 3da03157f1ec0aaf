"""Connections to targets: addresses, connections, requests as bytes, answers from bytes."""
