"""The shapes of the APIs: what a good answer, a good event and a good end look like. No sockets, no clock."""
