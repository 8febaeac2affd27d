//! Headers that go to a source with the request for it.

use crate::SourceUrl;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use std::fmt;
use url::Url;

/// What a client may say of itself to whoever a redirect leads to.
const FOR_EVERYONE: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

/// What this client says itself, or what would change how the message is framed. `if-` and `proxy-` as prefixes besides.
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
/// They are taken for secrets: `Debug` shows their names alone, and a redirect to another origin (scheme, host, port)
/// leaves behind all but `Accept`, `Accept-Language` and `User-Agent`, for the rest of the way.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SourceHeaders {
    map: HeaderMap,
}

/// A header that no source gets: not a well-formed one, or one that is this client's own to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a header that can be sent to a source")]
pub struct NotForSources;

impl SourceHeaders {
    /// The headers by name and value. Which of them a user may choose is the caller's to say.
    ///
    /// # Errors
    /// [`NotForSources`]: one is malformed, or would undo what this client promises (which host is asked, that nothing is
    /// compressed, which bytes are wanted).
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<SourceHeaders, NotForSources> {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotForSources)?;
            if is_reserved(name.as_str()) {
                return Err(NotForSources);
            }
            let mut value = HeaderValue::from_str(value).map_err(|_| NotForSources)?;
            value.set_sensitive(true); // shown by no `Debug`, kept in no table of HTTP/2
            map.insert(name, value);
        }
        Ok(SourceHeaders { map })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// What of them may go to another address than the one they are for: all to the same origin, else what a client may say
    /// to everyone.
    #[must_use]
    pub fn leaving(&self, from: &SourceUrl, to: &SourceUrl) -> SourceHeaders {
        self.clone().redirected(from.url(), to.url())
    }

    /// These, and for what they do not say, the others.
    #[must_use]
    pub fn with(&self, others: &SourceHeaders) -> SourceHeaders {
        let mut map = others.map.clone();
        map.extend(self.map.clone());
        SourceHeaders { map }
    }

    /// Adds cookies: the value of a `Cookie` header. A value that cannot be sent is left out.
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

    /// What of them may follow a redirect.
    pub(crate) fn redirected(mut self, from: &Url, to: &Url) -> SourceHeaders {
        if from.origin() != to.origin() {
            self.map = FOR_EVERYONE
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
    fn another_origin_learns_nothing_but_what_everyone_may() {
        let same = "https://a.example/x";
        assert_eq!(after(same, "https://a.example:443/y").len(), 6);
        for other in ["http://a.example/x", "https://b.a.example/x", "https://a.example:80/x"] {
            assert_eq!(after(same, other), ["accept-language", "user-agent"], "{other}");
        }
    }

    #[test]
    fn what_the_client_says_itself_is_nobody_elses() {
        for name in
            ["Host", "range", "IF-RANGE", "If-None-Match", "Accept-Encoding", "Proxy-Authorization", "TE"]
        {
            assert_eq!(SourceHeaders::new([(name, "x")]), Err(NotForSources), "{name}");
        }
        for (name, value) in [("", "x"), ("a b", "x"), ("a:", "x"), ("x-a", "b\r\nc: d"), ("x-a", "\0")] {
            assert_eq!(SourceHeaders::new([(name, value)]), Err(NotForSources), "{name:?}: {value:?}");
        }
    }
}
