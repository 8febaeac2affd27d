"""Checks IP addresses: only globally reachable unicast addresses are accepted, as in shared/safe-fetch.

Both are tested with the vectors in shared/safe-fetch/src/address_vectors.txt.
"""

import ipaddress

# The ranges that shared/safe-fetch/src/address.rs refuses and that `is_global` accepts in some release of Python.
REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's platform service
        "64:ff9b:1::/48",
        "100::/63",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",  # 6to4 relays connect to the embedded IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
        "3ffe::/16",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
# The kernel and NAT64 translators connect to the embedded IPv4 address, in the last 32 bits.
MAPPED = ipaddress.ip_network("::ffff:0:0/96")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")

# Domains reserved for private use. They are refused without a DNS lookup.
PRIVATE_NAMES = ("localhost", "local", "internal", "home.arpa")


def is_public(address):
    """Returns whether a literal address is public."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        if ip in MAPPED or ip in NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip not in GLOBAL_UNICAST:
            return False
    return ip.is_global and not any(ip.version == network.version and ip in network for network in REFUSED)


def literal(host):
    """Returns the normal form of a literal address, or None for a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        return None


def is_private_name(name):
    """Returns whether a name is reserved for private use."""
    labels = name.rstrip(".").lower()
    return any(labels == private or labels.endswith("." + private) for private in PRIVATE_NAMES)


class Allowed:
    """The hosts that an operator allows on any port: exact names or addresses, separated by commas."""

    def __init__(self, comma_separated=""):
        entries = filter(None, (entry.strip() for entry in comma_separated.split(",")))
        self.hosts = {key(entry) for entry in entries}

    def __contains__(self, host):
        return key(host) in self.hosts


def key(host):
    """Returns the normal form of a host: lower case, ASCII, without the trailing dot."""
    if address := literal(host):
        return address
    name = host.rstrip(".").lower()
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
