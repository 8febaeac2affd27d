//! Headers that callers send to sources.

use crate::SourceUrl;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use std::fmt;
use url::Url;

/// The headers that are also sent to other origins.
const CROSS_ORIGIN: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

/// Headers that this client sets itself or that change the message framing. The prefixes `if-` and `proxy-` are reserved too.
const RESERVED: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-encoding",
];

/// Headers for a source, such as the token that a protected server asks for.
///
/// All values are treated as secrets: `Debug` shows only the names, and a redirect to another origin (scheme, host, port) drops
/// all headers but `Accept`, `Accept-Language` and `User-Agent` for the rest of the chain.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SourceHeaders {
    map: HeaderMap,
}

/// The error for a header that is malformed or reserved for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a header that can be sent to a source")]
pub struct InvalidSourceHeader;

impl SourceHeaders {
    /// Creates headers from names and values. The caller decides which headers a user may set.
    ///
    /// # Errors
    /// [`InvalidSourceHeader`] if a header is malformed or reserved, because it would override the host, the content coding, the
    /// range or the framing of the request.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<SourceHeaders, InvalidSourceHeader> {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidSourceHeader)?;
            if is_reserved(name.as_str()) {
                return Err(InvalidSourceHeader);
            }
            let mut value = HeaderValue::from_str(value).map_err(|_| InvalidSourceHeader)?;
            value.set_sensitive(true); // omitted from `Debug` and from the HTTP/2 header table
            map.insert(name, value);
        }
        Ok(SourceHeaders { map })
    }

    /// Returns whether there are no headers.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Returns the headers that may be sent to `to`, if these are for `from`: all within one origin, otherwise `Accept`,
    /// `Accept-Language` and `User-Agent`.
    #[must_use]
    pub fn allowed_for(&self, from: &SourceUrl, to: &SourceUrl) -> SourceHeaders {
        self.clone().redirected(from.url(), to.url())
    }

    /// Returns these headers, and those of `others` whose names are not among them.
    #[must_use]
    pub fn with(&self, others: &SourceHeaders) -> SourceHeaders {
        let mut map = others.map.clone();
        map.extend(self.map.clone());
        SourceHeaders { map }
    }

    /// Adds the value of a `Cookie` header. An invalid value is ignored.
    #[must_use]
    pub fn with_cookies(&self, cookies: Option<String>) -> SourceHeaders {
        let mut map = self.map.clone();
        let own = map.get(COOKIE).and_then(|own| own.to_str().ok());
        let all = cookies.map(|cookies| match own {
            Some(own) => format!("{own}; {cookies}"),
            None => cookies,
        });
        if let Some(mut value) = all.and_then(|all| HeaderValue::from_str(&all).ok()) {
            value.set_sensitive(true);
            map.insert(COOKIE, value);
        }
        SourceHeaders { map }
    }

    pub(crate) fn map(&self) -> HeaderMap {
        self.map.clone()
    }

    /// Returns the headers that may be sent after a redirect.
    pub(crate) fn redirected(mut self, from: &Url, to: &Url) -> SourceHeaders {
        if from.origin() != to.origin() {
            self.map = CROSS_ORIGIN
                .into_iter()
                .filter_map(|name| self.map.remove(&name).map(|value| (name, value)))
                .collect();
        }
        self
    }
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("if-") || name.starts_with("proxy-")
}

impl fmt::Debug for SourceHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.keys().map(HeaderName::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> SourceHeaders {
        SourceHeaders::new([
            ("Authorization", "Bearer hush"),
            ("Cookie", "a=b"),
            ("Referer", "https://a.example/"),
            ("X-Token", "hush"),
            ("User-Agent", "player"),
            ("Accept-Language", "de"),
        ])
        .unwrap()
    }

    fn after(from: &str, to: &str) -> Vec<String> {
        let left = headers().redirected(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        let mut names: Vec<_> = left.map.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn no_value_is_shown() {
        let shown = format!("{:?} {:#?}", headers(), headers().map());
        assert!(!shown.contains("hush") && shown.contains("x-token"), "{shown}");
    }

    #[test]
    fn another_origin_receives_only_the_shared_headers() {
        let same = "https://a.example/x";
        assert_eq!(after(same, "https://a.example:443/y").len(), 6);
        for other in ["http://a.example/x", "https://b.a.example/x", "https://a.example:80/x"] {
            assert_eq!(after(same, other), ["accept-language", "user-agent"], "{other}");
        }
    }

    #[test]
    fn reserved_and_malformed_headers_are_refused() {
        for name in
            ["Host", "range", "IF-RANGE", "If-None-Match", "Accept-Encoding", "Proxy-Authorization", "TE"]
        {
            assert_eq!(SourceHeaders::new([(name, "x")]), Err(InvalidSourceHeader), "{name}");
        }
        for (name, value) in [("", "x"), ("a b", "x"), ("a:", "x"), ("x-a", "b\r\nc: d"), ("x-a", "\0")] {
            assert_eq!(SourceHeaders::new([(name, value)]), Err(InvalidSourceHeader), "{name:?}: {value:?}");
        }
    }
}
