"""Which targets failed lately and cool down now. No sockets; the clock is a parameter."""
