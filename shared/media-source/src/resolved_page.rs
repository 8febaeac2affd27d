//! Sanitises the claims of a web page about its media.

use files_domain::{FileName, Origin};
use safe_fetch::{Allowed, SourceHeaders, Url};

use crate::error::ResolveError;
use crate::page::{Format, Page};
use crate::public_urls::drop_private_urls;

/// A web page and the format that was opened.
#[derive(Clone, Debug)]
pub struct ResolvedPage {
    /// The response of `resolve-url`.
    pub page: Page,
    /// The index of the opened format.
    pub chosen: usize,
    /// The index of the separate sound that is joined with it.
    pub sound: Option<usize>,
    /// The page's claims about the media, sanitised. `None` for a direct link to a media file.
    pub origin: Option<Origin>,
}

impl ResolvedPage {
    /// Sanitises the page's claims. Drops the URLs that this service may not fetch.
    pub(crate) fn new(page: Page, chosen: usize, allowed: &Allowed) -> Self {
        let origin =
            if page.direct { None } else { Origin::clean(&drop_private_urls(page.claims.clone(), allowed)) };
        Self { origin, page, chosen, sound: None }
    }

    /// Marks the formats with the URLs of the streams that were chosen from the playlist of the opened one.
    pub(crate) fn with_streams(self, stream: Option<&Url>, sound: Option<&Url>) -> Self {
        let index_of = |url: Option<&Url>| {
            let is_of = |format: &Format| url.is_some() && Url::parse(&format.url).ok().as_ref() == url;
            self.page.formats.iter().position(is_of)
        };
        Self { chosen: index_of(stream).unwrap_or(self.chosen), sound: index_of(sound), ..self }
    }

    /// Returns a file name from the page's title and the extension of the format, or `None` without a title.
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

/// Returns the extension that the page declares for a format, if it has one to eight letters or digits.
pub(crate) fn extension(format: &Format) -> Option<String> {
    let is_word =
        |text: &&str| (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    format.ext.as_deref().filter(is_word).map(str::to_ascii_lowercase)
}

/// Returns the headers that a format needs, limited to those that a user may send too.
///
/// # Errors
/// [`ResolveError::Refused`] if a header is malformed or reserved.
pub(crate) fn headers_of(format: &Format) -> Result<SourceHeaders, ResolveError> {
    let allowed = files_domain::SourceHeaders::allowed_of(format.http_headers.clone());
    SourceHeaders::new(allowed.iter()).map_err(|error| ResolveError::refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::PageClaims;

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
    fn the_streams_of_a_playlist_are_marked() {
        let format = |url: &str| Format { url: format!("https://a.example/{url}"), ..Format::default() };
        let page = Page { formats: ["sound", "low", "master"].map(format).to_vec(), ..Page::default() };
        let page = ResolvedPage::new(page, 2, &Allowed::default());
        let of = |stream: &str, sound: &str| {
            let url = |name: &str| Url::parse(&format!("https://a.example/{name}")).ok();
            let marked = page.clone().with_streams(url(stream).as_ref(), url(sound).as_ref());
            (marked.chosen, marked.sound)
        };
        assert_eq!(of("low", "sound"), (1, Some(0)));
        assert_eq!(of("high", "unknown"), (2, None), "the format of the playlist itself");
    }

    #[test]
    fn only_short_alphanumeric_extensions_are_used() {
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
