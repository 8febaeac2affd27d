use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Names of headers that a client may send to a source: those that servers require for protected media. Names that begin with `x-`
/// are also allowed, except those of [`FORWARDING`].
const NAMES: [&str; 7] =
    ["accept", "accept-language", "authorization", "cookie", "origin", "referer", "user-agent"];

/// Prefixes of `x-` names by which a request can claim another origin or URL, since servers behind a proxy may trust them.
const FORWARDING: [&str; 8] = [
    "x-aws-",
    "x-forwarded",
    "x-google-metadata",
    "x-http-method",
    "x-method-override",
    "x-original-",
    "x-real-ip",
    "x-rewrite-",
];

/// Headers that a client gives with a URL. They may contain secrets: only the import's message contains them, and `Debug` hides
/// their values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct SourceHeaders(BTreeMap<String, String>);

/// The error of invalid headers for a source, as a sentence for the client without their values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceHeadersError {
    /// There are more than [`SourceHeaders::MAX_COUNT`].
    #[error("there are more than 16 headers")]
    TooMany,
    /// Names and values are together longer than [`SourceHeaders::MAX_BYTES`].
    #[error("the headers have more than 8192 bytes")]
    TooLarge,
    /// A header with this name is not allowed.
    #[error(
        "{0} cannot be sent: only Accept, Accept-Language, Authorization, Cookie, Origin, Referer, User-Agent and X-… can"
    )]
    Name(String),
    /// A name is given in two spellings.
    #[error("{0} is given twice")]
    Twice(String),
    /// A value is empty or has invalid characters.
    #[error("the value of {0} must be 1 or more visible ASCII characters, with spaces only between them")]
    Value(String),
}

impl SourceHeaders {
    /// Maximum number of headers.
    pub const MAX_COUNT: usize = 16;
    /// Longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 64;
    /// Maximum number of bytes of all names and values.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Checks a client's headers.
    ///
    /// # Errors
    /// [`SourceHeadersError`]: the first invalid header, or the exceeded limit.
    pub fn new(entries: impl IntoIterator<Item = (String, String)>) -> Result<Self, SourceHeadersError> {
        let (mut headers, mut bytes) = (BTreeMap::new(), 0);
        for (given, value) in entries {
            let name = given.to_ascii_lowercase();
            if !may_be_sent(&name) {
                return Err(SourceHeadersError::Name(printable(&given)));
            }
            if !is_value(&value) {
                return Err(SourceHeadersError::Value(name));
            }
            bytes += name.len() + value.len();
            if bytes > Self::MAX_BYTES {
                return Err(SourceHeadersError::TooLarge);
            }
            if headers.insert(name.clone(), value).is_some() {
                return Err(SourceHeadersError::Twice(name));
            }
            if headers.len() > Self::MAX_COUNT {
                return Err(SourceHeadersError::TooMany);
            }
        }
        Ok(Self(headers))
    }

    /// Returns the allowed headers among those of a web page, up to the limits. The others are left out.
    #[must_use]
    pub fn allowed_of(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut headers = Self::default();
        for entry in entries {
            let all = headers.0.clone().into_iter().chain([entry]);
            headers = Self::new(all).unwrap_or(headers);
        }
        headers
    }

    /// Returns whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns names, in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn may_be_sent(name: &str) -> bool {
    let custom = name.strip_prefix("x-").is_some_and(|rest| !rest.is_empty());
    let allowed = custom && !FORWARDING.iter().any(|start| name.starts_with(start));
    NAMES.contains(&name) || (allowed && name.len() <= SourceHeaders::MAX_NAME_BYTES && is_token(name))
}

/// Returns whether a text is a token (RFC 9110, section 5.6.2), without its rarer characters.
fn is_token(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_value(value: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic();
    let ends_well = value.bytes().next().is_some_and(visible) && value.bytes().last().is_some_and(visible);
    ends_well && value.bytes().all(|byte| visible(byte) || byte == b' ')
}

/// Returns a name in a form that is safe in an error.
fn printable(name: &str) -> String {
    let short = name.len() <= SourceHeaders::MAX_NAME_BYTES && !name.is_empty() && is_token(name);
    if short { name.to_owned() } else { "a header of that name".to_owned() }
}

impl TryFrom<BTreeMap<String, String>> for SourceHeaders {
    type Error = SourceHeadersError;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        Self::new(entries)
    }
}

impl From<SourceHeaders> for BTreeMap<String, String> {
    fn from(headers: SourceHeaders) -> Self {
        headers.0
    }
}

impl fmt::Debug for SourceHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<SourceHeaders, SourceHeadersError> {
        SourceHeaders::new([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn headers_for_protected_media_are_allowed() {
        for name in
            ["Authorization", "COOKIE", "referer", "User-Agent", "Origin", "Accept", "Accept-Language"]
        {
            assert!(check(name, "a b").is_ok(), "{name}");
        }
        for name in ["X-Api-Key", "x-amz-date", "X-Playback_Session-Id"] {
            assert!(check(name, "k").is_ok(), "{name}");
        }
    }

    #[test]
    fn framing_and_forwarding_headers_are_rejected() {
        for name in [
            "",
            "Host",
            "Range",
            "If-Range",
            "Content-Length",
            "Content-Type",
            "Accept-Encoding",
            "Connection",
            "Transfer-Encoding",
            "TE",
            "Upgrade",
            "Proxy-Authorization",
            "X-Forwarded-For",
            "X-Real-IP",
            "X-HTTP-Method-Override",
            "X-aws-ec2-metadata-token",
            "Metadata-Flavor",
            "X-",
            "X-a b",
            "X-a:",
            "X-ä",
            "X-a\r\nHost",
            "cookie ",
        ] {
            assert!(matches!(check(name, "v"), Err(SourceHeadersError::Name(_))), "{name:?}");
        }
        for value in ["", " ", "a ", " a", "a\r\nHost: b", "a\nb", "a\0", "a\tb", "ä", "a\u{7f}"] {
            assert_eq!(check("Cookie", value), Err(SourceHeadersError::Value("cookie".into())), "{value:?}");
        }
        let error = check("X-\u{202e}evil", "v").unwrap_err().to_string();
        assert!(error.starts_with("a header of that name"), "{error}");
    }

    #[test]
    fn every_limit_is_exact() {
        let many = |n: usize| SourceHeaders::new((0..n).map(|i| (format!("x-{i}"), "v".to_owned())));
        assert!(many(16).is_ok());
        assert_eq!(many(17), Err(SourceHeadersError::TooMany));
        let long = |n: usize| check("x-a", &"v".repeat(n));
        assert!(long(8 * 1024 - 3).is_ok());
        assert_eq!(long(8 * 1024 - 2), Err(SourceHeadersError::TooLarge));
        assert!(check(&format!("x-{}", "a".repeat(62)), "v").is_ok());
        assert!(check(&format!("x-{}", "a".repeat(63)), "v").is_err());
        let twice =
            [("Cookie", "a"), ("cookie", "b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(SourceHeaders::new(twice), Err(SourceHeadersError::Twice("cookie".into())));
    }

    #[test]
    fn headers_are_serialized_and_debug_output_hides_values() {
        let headers = check("Authorization", "Bearer hush").unwrap();
        let text = serde_json::to_string(&headers).unwrap();
        assert_eq!(serde_json::from_str::<SourceHeaders>(&text).unwrap(), headers);
        assert!(serde_json::from_str::<SourceHeaders>(r#"{"host":"a"}"#).is_err());
        assert_eq!(format!("{headers:?}"), r#"{"authorization"}"#);
    }

    #[test]
    fn only_allowed_headers_of_a_web_page_are_kept() {
        let pairs =
            [("User-Agent", "a"), ("Host", "b"), ("Cookie", "c\n"), ("Referer", "d"), ("referer", "e")];
        let taken = SourceHeaders::allowed_of(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(taken.iter().collect::<Vec<_>>(), [("referer", "d"), ("user-agent", "a")]);
    }
}
