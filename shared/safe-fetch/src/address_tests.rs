use super::*;

fn refused_text(address: &str) -> Option<&'static str> {
    refused(address.parse().unwrap_or_else(|_| panic!("{address} is no address")))
}

fn v4_edges(range: &Ipv4Net) -> (Option<Ipv4Addr>, Option<Ipv4Addr>) {
    let before = u32::from(range.network()).checked_sub(1).map(Ipv4Addr::from);
    let after = u32::from(range.broadcast()).checked_add(1).map(Ipv4Addr::from);
    (before, after)
}

fn v6_edges(range: &Ipv6Net) -> (Option<Ipv6Addr>, Option<Ipv6Addr>) {
    let before = u128::from(range.network()).checked_sub(1).map(Ipv6Addr::from);
    let after = u128::from(range.broadcast()).checked_add(1).map(Ipv6Addr::from);
    (before, after)
}

#[test]
fn every_ipv4_range_begins_and_ends_where_it_says() {
    for (range, name) in &REFUSED_V4 {
        let inside = [range.network(), range.broadcast()];
        for address in inside {
            let answer = refused_v4(address);
            let is_broadcast = address == Ipv4Addr::BROADCAST;
            assert!(
                answer == Some(name) || is_broadcast && answer.is_some(),
                "{address} of {range}: {answer:?}"
            );
        }
        let (before, after) = v4_edges(range);
        for outside in [before, after].into_iter().flatten() {
            let of_another = REFUSED_V4.iter().any(|(other, _)| other != range && other.contains(&outside));
            assert_eq!(refused_v4(outside).is_some(), of_another, "{outside} beside {range}");
        }
    }
}

#[test]
fn every_ipv6_range_begins_and_ends_where_it_says() {
    for (range, name) in &REFUSED_V6 {
        for inside in [range.network(), range.broadcast()] {
            assert_eq!(refused_v6(inside), Some(*name), "{inside} of {range}");
        }
        let (before, after) = v6_edges(range);
        for outside in [before, after].into_iter().flatten() {
            let of_another = REFUSED_V6.iter().any(|(other, _)| other != range && other.contains(&outside));
            let is_global = GLOBAL_UNICAST.contains(&outside);
            assert_eq!(refused_v6(outside).is_some(), of_another || !is_global, "{outside} beside {range}");
        }
    }
}

/// The edges once more, written out: a slip in the table must not move the test with it.
#[test]
fn written_out_edges_are_refused() {
    for (first, last) in [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.31.196.0", "192.31.196.255"),
        ("192.52.193.0", "192.52.193.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("192.175.48.0", "192.175.48.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.254"),
        ("255.255.255.255", "255.255.255.255"),
        ("::", "::1"),
        ("::2", "::ffff:ffff"),
        ("::ffff:0.0.0.0", "::ffff:0.255.255.255"),
        ("::ffff:10.0.0.0", "::ffff:10.255.255.255"),
        ("::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        ("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("100::", "100::ffff:ffff:ffff:ffff"),
        ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:1::1", "2001:1::3"),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
        ("2001:20::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
        ("3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fd00:ec2::254", "fd20:ce::254"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ] {
        assert!(refused_text(first).is_some(), "{first} should be refused");
        assert!(refused_text(last).is_some(), "{last} should be refused");
    }
}

#[test]
fn written_out_neighbours_are_public() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.1.255",
        "192.0.3.0",
        "192.31.195.255",
        "192.31.197.0",
        "192.52.192.255",
        "192.52.194.0",
        "192.175.47.255",
        "192.175.49.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "168.63.129.15",
        "168.63.129.17",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2000::",
        "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2003::",
        "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8001::",
        "2606:2800:220:1:248:1893:25c8:1946",
        "3ffd:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
    ] {
        assert_eq!(refused_text(address), None, "{address} should be public");
    }
}

#[test]
fn nothing_outside_global_unicast_is_public() {
    for address in
        ["1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "64:ff9a::", "64:ff9b::1:0:0", "fe00::1"]
    {
        assert!(refused_text(address).is_some(), "{address} should be refused");
    }
}
