//! Refuses requests that a foreign web page makes a browser send: requests with another `Host` (DNS rebinding: a name that
//! resolves to 127.0.0.1) and requests with another `Origin`.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

/// The reason of a refusal: the text for the client.
pub(crate) type Foreign = &'static str;

const OTHER_HOST: Foreign = "the Host header names another server: use 127.0.0.1 or localhost";
const OTHER_ORIGIN: Foreign = "no web page of another origin may call this";

/// Checks that a request names this machine: 127.0.0.1, `localhost`, or a name below it, as S3 uses for a bucket. Any port is
/// accepted: it may have been forwarded.
///
/// # Errors
/// The request names another host, several hosts, or none.
pub(crate) fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Foreign> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(OTHER_HOST)?;
    let own_target = uri.authority().is_none_or(|authority| is_own(authority.as_str()));
    if own_target && is_own(host) && hosts.next().is_none() { Ok(()) } else { Err(OTHER_HOST) }
}

/// Checks that a request comes from no web page, or from one of the `Host` itself. Only browsers send `Origin`.
///
/// # Errors
/// The `Origin` is another one.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Foreign> {
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let own = |origin: &HeaderValue| {
        let origin = origin.as_bytes();
        let named = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        named.is_some_and(|named| !named.is_empty() && named.eq_ignore_ascii_case(host))
    };
    if headers.get_all(ORIGIN).iter().all(own) { Ok(()) } else { Err(OTHER_ORIGIN) }
}

/// Returns whether an authority names this machine. No name below `localhost` can point anywhere else (RFC 6761, section
/// 6.3).
fn is_own(authority: &str) -> bool {
    let Ok(parsed) = authority.parse::<Authority>() else {
        return false;
    };
    let host = parsed.host().to_ascii_lowercase();
    let known = ["127.0.0.1", "localhost", "[::1]"].contains(&&*host) || host.ends_with(".localhost");
    // What follows the host must be a port.
    let rest = authority.get(host.len()..).unwrap_or("@");
    known && (rest.is_empty() || parsed.port_u16().is_some_and(|port| rest == format!(":{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_host_other_than_this_machine_is_refused() {
        let check = |hosts: &[&str], target: &str| {
            let hosts: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            check_host(&target.parse().unwrap(), &headers(&hosts)).is_ok()
        };
        for own in ["127.0.0.1:8787", "localhost:8787", "LocalHost", "[::1]:8787", "bucket.localhost:8787"] {
            assert!(check(&[own], "/"), "{own}");
            assert!(check(&[own], &format!("http://{own}/x")), "{own}");
        }
        for other in [
            "evil.example:8787",
            "evil.example",
            "127.0.0.1:",
            "127.0.0.1:99999",
            "127.0.0.1:8787x",
            "127.0.0.1.evil.example:8787",
            "evil.example@127.0.0.1:8787",
            "localhost.evil.example:8787",
            "evillocalhost:8787",
            "10.0.0.1",
            "a:99999",
            "",
            "a b",
        ] {
            assert!(!check(&[other], "/"), "{other}");
        }
        assert!(!check(&[], "/") && !check(&["127.0.0.1:8787", "127.0.0.1:8787"], "/"));
        assert!(!check(&["127.0.0.1:8787"], "http://evil.example:8787/"));
    }

    #[test]
    fn an_origin_other_than_the_host_is_refused() {
        let check = |origins: &[&str]| {
            let mut fields = vec![("host", "127.0.0.1:8787")];
            fields.extend(origins.iter().map(|origin| ("origin", *origin)));
            check_origin(&headers(&fields)).is_ok()
        };
        assert!(check(&[]) && check(&["http://127.0.0.1:8787"]) && check(&["https://127.0.0.1:8787"]));
        for other in
            ["null", "", "http://", "http://127.0.0.1:3000", "http://localhost:8787", "http://evil.example"]
        {
            assert!(!check(&[other]), "{other}");
        }
        assert!(!check(&["http://127.0.0.1:8787", "http://evil.example"]));
    }
}
