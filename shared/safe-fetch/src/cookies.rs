//! Cookies of one chain of redirects (RFC 6265): some sites set a cookie, redirect to the same URL, and respond with 403 without
//! it.
//!
//! The cookies are forgotten at the end of the chain. A cookie is sent to the host that set it and, with `Domain`, to the other
//! hosts of the domain. Unlike in RFC 6265, the port must be the same too; the ports 80 and 443 count as one.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

/// The maximum number of cookies of a chain.
const MAX_COOKIES: usize = 50;
/// The maximum size of a cookie, name and value.
const MAX_BYTES: usize = 4096;

/// The cookies that the responses of a chain have set.
#[derive(Debug, Default)]
pub(crate) struct Cookies(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    /// `name=value`.
    pair: String,
    /// The host that set the cookie, or the value of `Domain`.
    domain: String,
    is_of_domain: bool,
    port: Port,
    is_secure: bool,
    /// Whether the response deletes the cookie.
    is_expired: bool,
    path: String,
}

/// The port of a cookie's host. 80 and 443 count as one, because sites redirect from http to https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Default,
    Other(u16),
}

impl Port {
    fn of(url: &Url) -> Self {
        match url.port_or_known_default() {
            Some(port) if !matches!(port, 80 | 443) => Self::Other(port),
            _ => Self::Default,
        }
    }
}

impl Cookies {
    /// Stores the cookies that a response sets.
    pub(crate) fn take(&mut self, from: &Url, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            let Some(cookie) = value.to_str().ok().and_then(|text| Cookie::parse(from, text)) else {
                continue;
            };
            self.0.retain(|other| !other.is_replaced_by(&cookie));
            if self.0.len() < MAX_COOKIES && !cookie.is_expired {
                self.0.push(cookie);
            }
        }
    }

    /// Returns the value of `Cookie` for a URL, or `None` if no cookie applies.
    pub(crate) fn header(&self, to: &Url) -> Option<String> {
        let pairs: Vec<_> =
            self.0.iter().filter(|cookie| cookie.is_for(to)).map(|cookie| cookie.pair.as_str()).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn parse(from: &Url, text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let pair = parts.next().filter(|pair| pair.len() <= MAX_BYTES)?;
        let (name, _) = pair.split_once('=').filter(|(name, _)| !name.is_empty())?;
        let host = from.host_str()?;
        let mut cookie = Self {
            pair: format!("{}={}", name.trim_end(), pair.split_once('=')?.1.trim_start()),
            domain: host.to_owned(),
            is_of_domain: false,
            port: Port::of(from),
            is_secure: false,
            is_expired: false,
            path: "/".to_owned(),
        };
        let mut max_age = None;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "secure" => cookie.is_secure = true,
                "max-age" => max_age = value.trim().parse::<i64>().ok().or(max_age),
                "expires" => cookie.is_expired = is_past(value),
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "domain" => {
                    let domain = value.trim().trim_start_matches('.').to_ascii_lowercase();
                    let is_above =
                        host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
                    if !is_above || !domain.contains('.') {
                        return None;
                    }
                    let is_name = matches!(from.host(), Some(url::Host::Domain(_)));
                    (cookie.domain, cookie.is_of_domain) = (domain, is_name);
                }
                _ => {}
            }
        }
        // Max-Age takes precedence (RFC 6265, section 5.3).
        cookie.is_expired = max_age.map_or(cookie.is_expired, |seconds| seconds <= 0);
        Some(cookie)
    }

    fn name(&self) -> &str {
        self.pair.split_once('=').map_or("", |(name, _)| name)
    }

    fn is_replaced_by(&self, other: &Self) -> bool {
        (self.name(), &self.domain, &self.path, self.port)
            == (other.name(), &other.domain, &other.path, other.port)
    }

    fn is_for(&self, to: &Url) -> bool {
        let host = to.host_str().unwrap_or_default();
        let is_host = host == self.domain
            || (self.is_of_domain && host.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.')));
        let is_path = to
            .path()
            .strip_prefix(&self.path)
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        is_host && is_path && Port::of(to) == self.port && (!self.is_secure || to.scheme() == "https")
    }
}

/// Returns whether a date of `Expires` is past. Cookies also have dates such as `Thu, 01-Jan-1970 00:00:00 GMT`.
fn is_past(date: &str) -> bool {
    let date = date.trim();
    let date =
        httpdate::parse_http_date(date).or_else(|_| httpdate::parse_http_date(&date.replace('-', " ")));
    date.is_ok_and(|date| date <= SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(set: &[&str], from: &str, to: &str) -> Option<String> {
        let mut cookies = Cookies::default();
        for value in set {
            let headers = HeaderMap::from_iter([(SET_COOKIE, value.parse().unwrap())]);
            cookies.take(&Url::parse(from).unwrap(), &headers);
        }
        cookies.header(&Url::parse(to).unwrap())
    }

    #[test]
    fn a_cookie_is_sent_to_its_own_host_and_path() {
        let from = "http://a.example/x";
        for (set, to, expected) in [
            ("a=1", "http://a.example/y", Some("a=1")),
            ("a=1; Path=/; HttpOnly", "https://a.example/y", Some("a=1")),
            ("a=1", "http://a.example:8080/y", None),
            ("a=1", "http://b.example/y", None),
            ("a=1", "http://b.a.example/y", None),
            ("a=1; Domain=.a.example", "http://b.a.example/y", Some("a=1")),
            ("a=1; domain=example", "http://a.example/y", None),
            ("a=1; Domain=b.example", "http://b.example/y", None),
            ("a=1; Secure", "http://a.example/y", None),
            ("a=1; Secure", "https://a.example/y", Some("a=1")),
            ("a=1; path=/y", "http://a.example/y/z", Some("a=1")),
            ("a=1; path=/y", "http://a.example/yz", None),
            ("a=1; Max-Age=0", "http://a.example/y", None),
            ("a=1; Max-Age=-1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "http://a.example/y", None),
            ("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.example/y", Some("a=1")),
            ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "http://a.example/y", None),
            ("a=1; Expires=never", "http://a.example/y", Some("a=1")),
            ("=1", "http://a.example/y", None),
            ("a", "http://a.example/y", None),
        ] {
            assert_eq!(sent(&[set], from, to).as_deref(), expected, "{set} to {to}");
        }
        assert_eq!(sent(&["a=1", "b=2", "a=; Max-Age=0"], from, from).as_deref(), Some("b=2"));
        assert_eq!(sent(&["a=1", "b=2", "a=3"], from, from).as_deref(), Some("b=2; a=3"));
        let many: Vec<_> = (0..100).map(|n| format!("c{n}=1")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(sent(&many, from, from).unwrap().matches("c").count(), MAX_COOKIES);
        assert_eq!(sent(&[&format!("a={}", "x".repeat(5000))], from, from), None);
    }
}
