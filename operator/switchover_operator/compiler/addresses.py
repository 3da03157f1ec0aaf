"""IP addresses and host names as written → one normal form of each, so that they can be compared."""

from ipaddress import ip_address


def is_address(text: str) -> bool:
    """Tell an IP address from a host name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def normal(text: str) -> str:
    """Return the normal form (RFC 5952 for an IPv6 address): `2001:DB8:0::7` and `2001:db8::7` are the same."""
    return str(ip_address(text)) if is_address(text) else text.lower().rstrip(".")
