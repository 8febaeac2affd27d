//! What an operator allowed beyond the public internet.

use std::collections::BTreeSet;
use std::sync::Arc;
use url::Host;

/// What may be reached beyond public addresses on ports 80 and 443: hosts an operator allowed, each on any port.
///
/// An entry is an exact host name or a literal address, as it stands in the URL. Allowing `127.0.0.1` does not allow
/// `localhost`, and allowing a name allows whatever addresses it has.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    hosts: Arc<BTreeSet<String>>,
}

impl Allowed {
    /// Reads host names and addresses separated by commas; IPv6 addresses with or without brackets.
    ///
    /// An entry that is no host (one with a port, a path or a wildcard) allows nothing, and a warning says so.
    pub fn parse(comma_separated: &str) -> Allowed {
        let mut hosts = BTreeSet::new();
        for entry in comma_separated.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match parse_host(entry) {
                Some(host) => {
                    hosts.insert(key(&host));
                }
                None => tracing::warn!(entry = ?entry, "not a host name or an address: it allows nothing"),
            }
        }
        Allowed { hosts: Arc::new(hosts) }
    }

    /// Whether the operator allowed this host of a URL.
    pub(crate) fn contains(&self, host: &Host<&str>) -> bool {
        self.hosts.contains(&key(host))
    }

    /// Whether the operator allowed this name, spelt as the resolver gets it.
    pub(crate) fn contains_name(&self, name: &str) -> bool {
        self.contains(&Host::Domain(name))
    }
}

fn parse_host(entry: &str) -> Option<Host<String>> {
    let host = match Host::parse(&format!("[{entry}]")) {
        Ok(host) => host,
        Err(_) => Host::parse(entry).ok()?,
    };
    // The URL parser lets a star pass as a label; here it would look like a wildcard and match nothing.
    if matches!(&host, Host::Domain(name) if name.contains('*')) {
        return None;
    }
    Some(host)
}

/// One spelling per host: lower case, without the dot of the root.
fn key<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
        }
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &str, host: &str) -> bool {
        let host = Host::parse(host).unwrap();
        let host = match &host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        };
        Allowed::parse(list).contains(&host)
    }

    #[test]
    fn entries_match_the_same_host_in_any_spelling() {
        for (list, host) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "0x7f.1"),
            ("a.example, 10.0.0.1 ,", "10.0.0.1"),
            ("Media.Example", "media.example."),
            ("media.example.", "MEDIA.example"),
            ("::1", "[::1]"),
            ("[0:0::1]", "[::1]"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert!(allows(list, host), "{list} should allow {host}");
        }
    }

    #[test]
    fn entries_match_nothing_else() {
        for (list, host) in [
            ("", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "localhost"),
            ("127.0.0.1", "[::ffff:127.0.0.1]"),
            ("localhost", "127.0.0.1"),
            ("media.example", "a.media.example"),
            ("a.media.example", "media.example"),
            ("*.media.example", "a.media.example"),
            ("*", "media.example"),
            ("media.example:8080", "media.example"),
            ("http://media.example", "media.example"),
            ("10.0.0.0/8", "10.0.0.1"),
        ] {
            assert!(!allows(list, host), "{list} should not allow {host}");
        }
    }
}
