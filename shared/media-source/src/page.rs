//! The answer of `resolve-url`.

use std::collections::BTreeMap;

use files_domain::PageClaims;
use serde::Deserialize;

/// A web page's media: one video or sound in several formats, and the page's claims about it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Page {
    /// What it says of the media; the site as yt-dlp calls it: `Youtube`, or `Generic`.
    #[serde(flatten)]
    pub claims: PageClaims,
    /// The formats, sorted by quality, the best last.
    pub formats: Vec<Format>,
    /// The index of the format to import.
    pub best: usize,
    /// Whether the URL is that of a media file, not of a web page.
    #[serde(default)]
    pub direct: bool,
}

impl Page {
    /// Returns the format to import.
    #[must_use]
    pub fn best(&self) -> Option<&Format> {
        self.formats.get(self.best)
    }

    /// Returns the indexes of the formats to try: the best one first, then those with the same kinds of tracks, the better ones
    /// first. A silent video does not replace one with sound.
    pub(crate) fn candidates(&self) -> Vec<usize> {
        let Some(best) = self.best().filter(|best| best.transport().is_some()) else { return Vec::new() };
        let others = (0..self.formats.len()).rev().filter(|index| *index != self.best);
        let equal = others.filter(|index| {
            let other = &self.formats[*index];
            other.transport().is_some() && other.tracks() == best.tracks()
        });
        std::iter::once(self.best).chain(equal).collect()
    }
}

/// One format of the media.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Format {
    /// The URL of the media, or of their playlist.
    pub url: String,
    /// As yt-dlp calls it: `https`, `http`, `m3u8_native`, …
    pub protocol: Option<String>,
    /// `mp4`.
    pub ext: Option<String>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// In kilobits per second.
    pub tbr: Option<f64>,
    /// In bytes; often an estimate.
    pub filesize: Option<u64>,
    /// `none`: it has no video.
    pub vcodec: Option<String>,
    /// `none`: it has no sound.
    pub acodec: Option<String>,
    /// The headers that a request for it needs.
    #[serde(default)]
    pub http_headers: BTreeMap<String, String>,
    /// The cookies that the page set for its address: the value of a `Cookie` header.
    #[serde(default)]
    pub cookies: Option<String>,
}

/// How a format is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One file.
    Progressive,
    /// An HLS playlist.
    Playlist,
}

impl Format {
    /// Returns whether it has a picture and whether it has sound, as far as is known.
    fn tracks(&self) -> (bool, bool) {
        (self.vcodec.as_deref() != Some("none"), self.acodec.as_deref() != Some("none"))
    }

    /// Returns how it is transferred; `None` for protocols that are not supported.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        match self.protocol.as_deref()? {
            "https" | "http" => Some(Transport::Progressive),
            "m3u8" | "m3u8_native" => Some(Transport::Playlist),
            _ => None,
        }
    }
}
