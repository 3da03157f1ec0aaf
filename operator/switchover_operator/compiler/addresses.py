"""IP addresses and host names, as people write them → one form of each, so that they can be compared."""

from ipaddress import ip_address


def is_address(text: str) -> bool:
    """Tell an IP address from a host name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def normal(text: str) -> str:
    """The usual form (RFC 5952 of an IPv6 address): `2001:DB8:0::7` and `2001:db8::7` are one."""
    return str(ip_address(text)) if is_address(text) else text.lower().rstrip(".")
