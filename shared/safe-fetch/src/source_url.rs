//! Parses URLs of sources and applies all checks that need no DNS.

use crate::address;
use crate::{Allowed, UrlError};
use url::{Host, Url};

/// The maximum length of a URL in bytes, before and after normalisation.
const MAX_BYTES: usize = 8 * 1024;

/// Domains reserved for private use: RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa) and ICANN's reservation of
/// `internal`. They are refused without a DNS lookup.
const PRIVATE_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

/// An absolute http or https URL without credentials that passed all checks that need no DNS. Requests omit the fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUrl {
    url: Url,
    fragment: Option<String>,
}

impl SourceUrl {
    /// Parses a URL from a user. Ignores surrounding white space, and stores the fragment separately.
    ///
    /// # Errors
    /// The [`UrlError`] that applies.
    pub fn parse(text: &str, allowed: &Allowed) -> Result<SourceUrl, UrlError> {
        if text.len() > MAX_BYTES {
            return Err(UrlError::TooLong);
        }
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| UrlError::NotAbsolute)?;
        if !is_http(&url) {
            return Err(UrlError::Scheme);
        }
        // Browsers also accept `http:host`, `http:\\host` and line breaks inside. From a user, these are mistakes.
        let after_scheme = text.get(url.scheme().len()..).unwrap_or_default();
        if !after_scheme.starts_with("://") || text.chars().any(char::is_control) {
            return Err(UrlError::NotAbsolute);
        }
        SourceUrl::check(url, allowed)
    }

    /// Checks a URL from a user or from a redirect.
    pub(crate) fn check(mut url: Url, allowed: &Allowed) -> Result<SourceUrl, UrlError> {
        if !is_http(&url) {
            return Err(UrlError::Scheme);
        }
        let host = url.host().ok_or(UrlError::NotAbsolute)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let port = url.port_or_known_default();
        if port.is_some_and(|port| allowed.is_excepted(&host, port)) {
            return Err(UrlError::PrivateAddress);
        }
        if !allowed.contains(&host) {
            if is_private(&host) {
                return Err(UrlError::PrivateAddress);
            }
            if !matches!(port, Some(80 | 443)) {
                return Err(UrlError::Port);
            }
        }
        if url.as_str().len() > MAX_BYTES {
            return Err(UrlError::TooLong);
        }
        let fragment = url.fragment().filter(|fragment| !fragment.is_empty()).map(str::to_owned);
        url.set_fragment(None);
        Ok(SourceUrl { url, fragment })
    }

    /// Returns the URL with its fragment, which some sites use to address web pages (`https://site.example/#/film/1`).
    #[must_use]
    pub fn with_fragment(&self) -> String {
        match &self.fragment {
            Some(fragment) => format!("{}#{fragment}", self.url),
            None => self.url.to_string(),
        }
    }

    /// Returns the normalised URL, without fragment.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the normalised URL, without fragment, in parsed form.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl std::fmt::Display for SourceUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address::refused((*address).into()).is_some(),
        Host::Ipv6(address) => address::refused((*address).into()).is_some(),
        Host::Domain(name) => is_private_name(name),
    }
}

fn is_private_name(name: &str) -> bool {
    // The URL parser has converted it to lower case. The trailing dot is optional.
    let name = name.strip_suffix('.').unwrap_or(name);
    PRIVATE_NAMES
        .iter()
        .any(|private| name.strip_suffix(private).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
#[path = "source_url_tests.rs"]
mod tests;
