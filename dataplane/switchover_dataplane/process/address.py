"""The HOST:PORT of an option → host and port; and whether a host is this machine."""

import ipaddress


def parse(text: str) -> tuple[str, int]:
    """Split HOST:PORT; an IPv6 address needs brackets. With port 0 the system chooses a port.

    Raises:
        ValueError: it is not in this form; the text says what is expected.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed):
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:9180 or [::1]:9180")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"the port in {text!r} must be a number up to 65535")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether a name or IP address, without brackets, is always this machine (RFC 6761, section 6.3)."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
