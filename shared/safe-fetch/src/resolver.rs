//! The DNS resolver of the client: checks every address of a lookup, so that the client connects only to checked addresses.

use crate::{Allowed, FetchError, address};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Resolves names to addresses.
#[derive(Clone)]
pub(crate) enum Names {
    /// The system's resolver.
    System,
    /// Fixed results.
    #[cfg(test)]
    Fixed(std::sync::Arc<crate::test_support::FakeDns>),
}

impl Names {
    pub(crate) async fn lookup(self, name: String) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::System => {
                let addresses = tokio::net::lookup_host((name, 0)).await?;
                Ok(addresses.map(|address| address.ip()).collect())
            }
            #[cfg(test)]
            Self::Fixed(dns) => dns.lookup(name).await,
        }
    }
}

/// Resolves names for the HTTP client. Refuses a name if any of its addresses is not public: a name with public and private
/// addresses is likely an attack.
pub(crate) struct GuardedResolver {
    allowed: Allowed,
    names: Names,
}

impl GuardedResolver {
    pub(crate) fn new(allowed: Allowed, names: Names) -> Self {
        GuardedResolver { allowed, names }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let is_allowed = self.allowed.contains_name(&name);
        let lookup = self.names.clone().lookup(name);
        Box::pin(async move {
            let addresses = lookup.await.map_err(|error| dns_error(&error))?;
            let checked = check(addresses, is_allowed)?;
            // reqwest replaces port 0 by the port of the URL.
            let addresses: Addrs = Box::new(checked.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

fn check(addresses: Vec<IpAddr>, is_allowed: bool) -> Result<Vec<IpAddr>, FetchError> {
    if addresses.is_empty() {
        return Err(FetchError::Dns);
    }
    if !is_allowed && let Some(range) = addresses.iter().find_map(|address| address::refused(*address)) {
        tracing::debug!(range, "refused a host name: one of its addresses is not public");
        return Err(FetchError::PrivateAddress);
    }
    Ok(addresses)
}

/// Converts an error of `getaddrinfo`. The standard library exposes its code only as text, which is English because this process
/// sets no locale. The messages of glibc, musl and macOS for "no such name" are permanent errors; all others (no server, no
/// response) are temporary.
fn dns_error(error: &io::Error) -> FetchError {
    const NO_SUCH_NAME: [&str; 5] = [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
        "nodename nor servname provided",
    ];
    let text = error.to_string();
    // InvalidInput: the name contains a zero byte, which is a permanent error too.
    if error.kind() == io::ErrorKind::InvalidInput || NO_SUCH_NAME.iter().any(|known| text.contains(known)) {
        FetchError::Dns
    } else {
        FetchError::DnsTemporary(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn one_private_address_refuses_the_name() {
        let public = addresses(&["93.184.216.34", "2606:4700::1111"]);
        assert_eq!(check(public.clone(), false), Ok(public));
        for list in [
            &["127.0.0.1"][..],
            &["93.184.216.34", "10.0.0.1"],
            &["169.254.169.254", "93.184.216.34"],
            &["2606:4700::1111", "::1"],
            &["::ffff:192.168.0.1"],
        ] {
            assert_eq!(check(addresses(list), false), Err(FetchError::PrivateAddress), "{list:?}");
            assert_eq!(check(addresses(list), true), Ok(addresses(list)), "{list:?}");
        }
        assert_eq!(check(Vec::new(), true), Err(FetchError::Dns));
    }

    #[test]
    fn only_a_missing_name_is_permanent() {
        let error = |text: &str| {
            dns_error(&io::Error::other(format!("failed to lookup address information: {text}")))
        };
        assert_eq!(error("Name or service not known"), FetchError::Dns);
        assert!(error("Temporary failure in name resolution").is_retryable());
        assert!(error("Try again").is_retryable());
    }
}
