//! The response of `resolve-url`.

use std::collections::BTreeMap;

use files_domain::PageClaims;
use serde::Deserialize;

/// The media of a web page: one video or audio in several formats, and the page's claims about it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Page {
    /// The page's claims about the media. The site has the name of yt-dlp's extractor: `Youtube`, or `Generic`.
    #[serde(flatten)]
    pub claims: PageClaims,
    /// The formats, sorted by quality, the best last.
    pub formats: Vec<Format>,
    /// The index of the format to import.
    pub best: usize,
    /// Whether the URL leads to a media file instead of a web page.
    #[serde(default)]
    pub direct: bool,
}

impl Page {
    /// Returns the format to import.
    #[must_use]
    pub fn best(&self) -> Option<&Format> {
        self.formats.get(self.best)
    }

    /// Returns the indexes of the formats to try: the best one, then those with the same kinds of tracks in descending quality. A
    /// format without audio does not replace one with audio.
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
    /// The URL of the media file or playlist.
    pub url: String,
    /// The protocol, as named by yt-dlp: `https`, `http`, `m3u8_native`, …
    pub protocol: Option<String>,
    /// The file extension, such as `mp4`.
    pub ext: Option<String>,
    /// The width in pixels.
    pub width: Option<u32>,
    /// The height in pixels.
    pub height: Option<u32>,
    /// The total bit rate in kilobits per second.
    pub tbr: Option<f64>,
    /// The size in bytes, often an estimate.
    pub filesize: Option<u64>,
    /// The video codec; `none` without video.
    pub vcodec: Option<String>,
    /// The audio codec; `none` without audio.
    pub acodec: Option<String>,
    /// The headers that a request for the format needs.
    #[serde(default)]
    pub http_headers: BTreeMap<String, String>,
    /// The cookies for the format's URL: the value of a `Cookie` header.
    #[serde(default)]
    pub cookies: Option<String>,
}

/// The way in which a format is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As one file.
    Progressive,
    /// As the segments of an HLS playlist.
    Playlist,
}

impl Format {
    /// Returns whether the format has video, and whether it has audio. Unknown codecs count as present.
    fn tracks(&self) -> (bool, bool) {
        (self.vcodec.as_deref() != Some("none"), self.acodec.as_deref() != Some("none"))
    }

    /// Returns the transport, or `None` for an unsupported protocol.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        match self.protocol.as_deref()? {
            "https" | "http" => Some(Transport::Progressive),
            "m3u8" | "m3u8_native" => Some(Transport::Playlist),
            _ => None,
        }
    }
}
