//! The hosts that an operator allows beyond the public internet.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use url::{Host, Url};

/// The hosts that may be fetched in addition to public addresses on ports 80 and 443. Each is allowed on any port.
///
/// An entry is an exact host name or a literal address, compared with the host in the URL. Allowing `127.0.0.1` does not allow
/// `localhost`. Allowing a name allows all addresses it resolves to, except the [excepted](Allowed::except) one.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    hosts: Arc<BTreeSet<String>>,
    except: Option<(Host, u16)>,
}

impl Allowed {
    /// Reads the hosts in `FILES_IMPORT_ALLOW_HOSTS`, except Lambda's Runtime API at `AWS_LAMBDA_RUNTIME_API`. `setting` returns
    /// the value of an environment variable.
    #[must_use]
    pub fn from_settings(setting: impl Fn(&str) -> Option<String>) -> Allowed {
        let text = |name| setting(name).unwrap_or_default();
        Allowed::parse(&text("FILES_IMPORT_ALLOW_HOSTS")).except(&text("AWS_LAMBDA_RUNTIME_API"))
    }

    /// Parses host names and addresses separated by commas; IPv6 addresses with or without brackets.
    ///
    /// An entry that is not a host (because it has a port, a path or a wildcard) is ignored, and a warning is logged.
    pub fn parse(comma_separated: &str) -> Allowed {
        let mut hosts = BTreeSet::new();
        for entry in comma_separated.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match parse_host(entry) {
                Some(host) => {
                    hosts.insert(key(&host));
                }
                None => {
                    tracing::warn!(entry = ?entry, "ignored an allowed host: not a host name or an address")
                }
            }
        }
        Allowed { hosts: Arc::new(hosts), except: None }
    }

    /// Excludes one `host:port` from the allowed hosts. Does nothing if the text is not a host and port.
    ///
    /// Meant for Lambda's Runtime API, which needs no credentials and returns other users' requests.
    #[must_use]
    pub fn except(self, host_and_port: &str) -> Allowed {
        let url = Url::parse(&format!("http://{host_and_port}")).ok();
        let except = url.and_then(|url| Some((url.host()?.to_owned(), url.port_or_known_default()?)));
        Allowed { except, ..self }
    }

    /// Returns whether this host and port are excepted. On the excepted port, every name is, because its addresses are not known
    /// yet, and so is every other address of this machine if the excepted one is of this machine.
    pub(crate) fn is_excepted(&self, host: &Host<&str>, port: u16) -> bool {
        let Some((except, _)) = self.except.as_ref().filter(|(_, except)| *except == port) else {
            return false;
        };
        match (address(except), address(host)) {
            (Some(except), Some(requested)) => {
                except == requested || (is_this_machine(except) && is_this_machine(requested))
            }
            _ => true,
        }
    }

    /// Returns whether the operator allowed this host of a URL.
    pub(crate) fn contains(&self, host: &Host<&str>) -> bool {
        self.hosts.contains(&key(host))
    }

    /// Returns whether the operator allowed this name, as passed to the resolver.
    pub(crate) fn contains_name(&self, name: &str) -> bool {
        self.contains(&Host::Domain(name))
    }
}

fn address<S: AsRef<str>>(host: &Host<S>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some(IpAddr::from(*address).to_canonical()),
    }
}

/// Returns whether connections to this address stay on this machine. Linux treats the unspecified address as loopback.
fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

fn parse_host(entry: &str) -> Option<Host<String>> {
    let host = match Host::parse(&format!("[{entry}]")) {
        Ok(host) => host,
        Err(_) => Host::parse(entry).ok()?,
    };
    // The URL parser accepts `*` in a label. It would look like a wildcard, but match no host.
    if matches!(&host, Host::Domain(name) if name.contains('*')) {
        return None;
    }
    Some(host)
}

/// Returns the normal form of a host: lower case, without the trailing dot.
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
    use crate::{SourceUrl, UrlError};

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
    fn settings_name_the_allowed_hosts_and_the_runtime_api() {
        let settings =
            [("FILES_IMPORT_ALLOW_HOSTS", "127.0.0.1"), ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")];
        let setting = |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let allowed = Allowed::from_settings(setting);
        assert!(SourceUrl::parse("http://127.0.0.1:8080/", &allowed).is_ok());
        assert!(SourceUrl::parse("http://127.0.0.1:9001/", &allowed).is_err());
        let none = Allowed::from_settings(|_| None);
        assert!(SourceUrl::parse("http://127.0.0.1:8080/", &none).is_err());
    }

    #[test]
    fn the_runtime_api_is_excepted_from_all_allowed_hosts() {
        let hosts =
            "127.0.0.1, 127.0.0.2, 0.0.0.0, ::1, ::, ::ffff:127.0.0.1, localhost, media.example, 10.0.0.1";
        let allowed = Allowed::parse(hosts).except("127.0.0.1:9001");
        let check = |host: &str, port| SourceUrl::parse(&format!("http://{host}:{port}/"), &allowed);
        for host in [
            "127.0.0.1",
            "127.0.0.2",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "0x7f.1",
            "localhost",
            "media.example",
        ] {
            assert_eq!(check(host, 9001), Err(UrlError::PrivateAddress), "{host}");
            assert!(check(host, 9002).is_ok(), "{host}");
        }
        assert!(check("10.0.0.1", 9001).is_ok(), "the same port of another machine");
        let none = Allowed::parse(hosts).except("");
        assert!(
            SourceUrl::parse("http://127.0.0.1:9001/", &none).is_ok(),
            "an empty exception has no effect"
        );
        let named = Allowed::parse(hosts).except("localhost:9001");
        assert!(SourceUrl::parse("http://127.0.0.1:9001/", &named).is_err());
    }

    #[test]
    fn entries_match_no_other_host() {
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
