//! Checks IP addresses: only globally reachable unicast addresses are accepted.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// The refused IPv4 ranges: every block of IANA's IPv4 Special-Purpose Address Registry (RFC 6890), and multicast (IANA IPv4
/// Multicast Address Space Registry). This includes the blocks that the registry lists as globally reachable: they are anycast
/// services that serve no media, and a network may run its own instance of such a service.
const REFUSED_V4: [(Ipv4Net, &str); 20] = [
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private use"),
    (v4(100, 64, 0, 0, 10), "shared address space"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link local"),
    (v4(172, 16, 0, 0, 12), "private use"),
    (v4(192, 0, 0, 0, 24), "IETF protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation (TEST-NET-1)"),
    (v4(192, 31, 196, 0, 24), "AS112, for names of private addresses"),
    (v4(192, 52, 193, 0, 24), "automatic multicast tunnelling"),
    (v4(192, 88, 99, 0, 24), "deprecated (6to4 relay anycast)"),
    (v4(192, 168, 0, 0, 16), "private use"),
    (v4(192, 175, 48, 0, 24), "AS112, direct delegation"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation (TEST-NET-2)"),
    (v4(203, 0, 113, 0, 24), "documentation (TEST-NET-3)"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    // Before 240/4, which contains it, so that it is reported by its own name.
    (v4(255, 255, 255, 255, 32), "limited broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
    // Not in the registry: Azure's platform services use this address inside its networks, although it is in a public range.
    (v4(168, 63, 129, 16, 32), "platform service"),
];

/// The refused IPv6 ranges: every block of IANA's IPv6 Special-Purpose Address Registry, multicast, and the deprecated site-local
/// block (RFC 3879). IPv4-mapped and NAT64 addresses are not listed: the IPv4 address they embed is checked instead.
const REFUSED_V6: [(Ipv6Net, &str); 16] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "IPv4-IPv6 translation, local use"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard only"),
    (v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64), "dummy prefix"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "IETF protocol assignments, with Teredo"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    // 6to4 is deprecated (RFC 7526), and its relays connect to the embedded IPv4 address.
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), "AS112, direct delegation"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "segment routing SIDs"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site local, deprecated"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
    // 6bone was returned to IANA (RFC 3701). It is inside the global unicast block, but not routed.
    (v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), "6bone, returned"),
];

/// IPv4-mapped addresses: the kernel connects to the embedded IPv4 address.
const MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
/// NAT64's well-known prefix (RFC 6052): the translator connects to the embedded IPv4 address.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// The range that IANA allocates global unicast addresses from (IANA IPv6 Address Space Registry).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Returns the name of the refused range that contains this address, or `None` if the address is public.
pub(crate) fn refused(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    REFUSED_V4.iter().find(|(range, _)| range.contains(&address)).map(|(_, name)| *name)
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    if MAPPED.contains(&address) || NAT64.contains(&address) {
        return refused_v4(last_32_bits(address));
    }
    if let Some((_, name)) = REFUSED_V6.iter().find(|(range, _)| range.contains(&address)) {
        return Some(name);
    }
    (!GLOBAL_UNICAST.contains(&address)).then_some("not global unicast")
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
