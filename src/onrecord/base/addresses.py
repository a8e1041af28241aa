"""Which network addresses are public."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_UNICAST = ipaddress.ip_network("2000::/3")  # all that is assigned of it (RFC 4291, 2.4): not NAT64, nor site-local


def public(address: Address) -> bool:
    """False also where one that is not may hide in it (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour or address.teredo
        return hidden is None and address in _UNICAST and address.is_global and not address.is_multicast
    return address.is_global and not address.is_multicast


def written_inside(host: str) -> bool:
    """Whether a host is an address in digits, in any writing, that is neither public nor loopback; or one that only
    some programs understand."""
    bare = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        last = bare.rpartition(".")[2]
        return last.isdecimal() or last.startswith("0x")
    return not (address.is_loopback or public(address))
