//! What a web page claims about its media.

use files_domain::{FileName, Origin, PageClaims};
use safe_fetch::{Allowed, SourceHeaders, SourceUrl};

use crate::error::ResolveError;
use crate::page::{Format, Page};

/// A web page, and which of its formats is imported.
#[derive(Clone, Debug)]
pub struct ResolvedPage {
    /// The answer of `resolve-url`.
    pub page: Page,
    /// The index of the format that could be opened.
    pub chosen: usize,
    /// The page's claims about the media, cleaned. `None` for a direct link, which is no page.
    pub origin: Option<Origin>,
}

impl ResolvedPage {
    /// Cleans the page's claims. A thumbnail at an address that may not be fetched is dropped.
    pub(crate) fn new(page: Page, chosen: usize, allowed: &Allowed) -> Self {
        let origin = if page.direct { None } else { Origin::clean(&claims(&page, allowed)) };
        Self { origin, page, chosen }
    }

    /// Names the file after the page's title, with the extension of the format; `None` without a title.
    pub(crate) fn name(&self, extension: Option<&str>) -> Option<FileName> {
        let title = self.origin.as_ref().and_then(Origin::title)?;
        let words =
            title.split(['/', '\\', ' ']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match extension {
            Some(extension) => FileName::clean(&format!("{words}.{extension}")),
            None => FileName::clean(&words),
        }
    }
}

/// Returns the extension that the page gives a format, if it is a short word.
pub(crate) fn extension(format: &Format) -> Option<String> {
    let is_word =
        |text: &&str| (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    format.ext.as_deref().filter(is_word).map(str::to_ascii_lowercase)
}

/// Returns the headers that a format needs, as far as a user could send them too.
pub(crate) fn headers_of(format: &Format) -> Result<SourceHeaders, ResolveError> {
    let allowed = files_domain::SourceHeaders::allowed_of(format.http_headers.clone());
    SourceHeaders::new(allowed.iter()).map_err(|error| ResolveError::refused(error.to_string()))
}

fn claims(page: &Page, allowed: &Allowed) -> PageClaims {
    // Clients fetch it: an address that is not public must not come from us.
    let mut claims = page.claims.clone();
    claims.thumbnail_url = claims.thumbnail_url.filter(|url| SourceUrl::parse(url, allowed).is_ok());
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(page: Page) -> ResolvedPage {
        ResolvedPage::new(page, 0, &Allowed::default())
    }

    #[test]
    fn a_file_is_named_after_its_page() {
        let name = |title: Option<&str>, extension: Option<&str>| {
            let claims = PageClaims { title: title.map(str::to_owned), ..PageClaims::default() };
            let page = Page { claims, ..Page::default() };
            resolved(page).name(extension).map(|name| name.to_string())
        };
        assert_eq!(name(Some("AC/DC / live"), Some("mp4")).as_deref(), Some("AC DC live.mp4"));
        assert_eq!(name(Some("Film"), None).as_deref(), Some("Film"));
        assert_eq!(name(None, Some("mp4")), None);
    }

    #[test]
    fn an_extension_is_a_short_word() {
        let of = |ext: &str| extension(&Format { ext: Some(ext.to_owned()), ..Format::default() });
        assert_eq!(of("MP4").as_deref(), Some("mp4"));
        for wrong in ["", "../x", "unknown_video", "mp4 "] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_private_thumbnail_is_dropped() {
        for (url, is_kept) in [
            ("https://images.example/a.jpg", true),
            ("http://169.254.169.254/latest/meta-data/", false),
            ("http://0x7f.1/a.jpg", false),
            ("http://router.local/a.jpg", false),
            ("https://images.example:8443/a.jpg", false),
            ("https://user:secret@images.example/a.jpg", false),
        ] {
            let (title, thumbnail_url) = (Some("x".into()), Some(url.to_owned()));
            let claims = PageClaims { title, thumbnail_url, ..PageClaims::default() };
            let page = Page { claims, ..Page::default() };
            let origin = serde_json::to_value(resolved(page).origin).unwrap();
            assert_eq!(origin["thumbnail_url"].is_string(), is_kept, "{url}");
        }
    }

    #[test]
    fn a_direct_link_has_no_origin() {
        let claims = PageClaims { title: Some("film".into()), ..PageClaims::default() };
        let page = Page { claims, direct: true, ..Page::default() };
        assert!(resolved(page).origin.is_none());
    }
}
