"""Which targets failed lately and are passed by for now. No sockets; the clock is handed in."""
