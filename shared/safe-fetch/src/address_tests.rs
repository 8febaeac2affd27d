use super::*;

fn refused_text(address: &str) -> Option<&'static str> {
    refused(address.parse().unwrap_or_else(|_| panic!("{address} is not an address")))
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
fn every_ipv4_range_is_refused_up_to_its_bounds() {
    for (range, name) in &REFUSED_V4 {
        let inside = [range.network(), range.broadcast()];
        for address in inside {
            let found = refused_v4(address);
            let is_broadcast = address == Ipv4Addr::BROADCAST;
            assert!(
                found == Some(name) || is_broadcast && found.is_some(),
                "{address} of {range}: {found:?}"
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
fn every_ipv6_range_is_refused_up_to_its_bounds() {
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

/// Checks literal addresses, so that an error in the tables cannot change the expectations too. The guard of resolve-url is
/// tested with this file as well.
#[test]
fn the_address_vectors_are_refused_and_public_as_listed() {
    let vectors = include_str!("address_vectors.txt").lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in vectors {
        let mut words = line.split(' ');
        let is_refused = words.next() == Some("refused");
        for address in words {
            assert_eq!(refused_text(address).is_some(), is_refused, "{address}");
            count += 1;
        }
    }
    assert!(count > 100, "{count} addresses");
}
