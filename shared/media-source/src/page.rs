//! The response of `resolve-url`.

use std::collections::BTreeMap;

use files_domain::PageClaims;
use serde::Deserialize;

/// The protocol of formats in segments of MPEG-DASH, as named by yt-dlp.
const MANIFEST: &str = "http_dash_segments";

/// The media of a web page: one video or audio in several formats, and the page's claims about it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Page {
    /// The page's claims about the media. The site has the name of yt-dlp's extractor: `Youtube`, or `Generic`.
    #[serde(flatten)]
    pub claims: PageClaims,
    /// The formats, sorted by quality, the best last.
    pub formats: Vec<Format>,
    /// The index of the best format with both picture and sound, or of the only kind that there is. `None` if picture and sound are
    /// in separate formats only.
    #[serde(default)]
    pub best: Option<usize>,
    /// The index of the best picture without sound, if it and `sound` are better than `best`.
    #[serde(default)]
    pub picture: Option<usize>,
    /// The index of the best sound without picture.
    #[serde(default)]
    pub sound: Option<usize>,
    /// The index of a picture without sound whose URL is that of its playlist or manifest, if that has sounds too and is better than
    /// `best`. Who reads it chooses both.
    #[serde(default)]
    pub manifest: Option<usize>,
    /// Whether the URL leads to a media file instead of a web page.
    #[serde(default)]
    pub direct: bool,
}

impl Page {
    /// Returns the best format with both picture and sound.
    #[must_use]
    pub fn best(&self) -> Option<&Format> {
        self.formats.get(self.best?)
    }

    /// Returns what to try: if streams are joined, the manifest with both, then the best picture and sound in separate formats; then the
    /// best format; then those with the same kinds of tracks in descending quality, those of another transport first. A format without
    /// audio does not replace one with audio.
    pub(crate) fn candidates(&self, joins: bool) -> Vec<Candidate> {
        let is_playlist = |index: &usize| {
            self.formats.get(*index).is_some_and(|one| one.transport() == Some(Transport::Playlist))
        };
        let manifest = self.manifest.filter(is_playlist).map(Candidate::Whole);
        let joined = [manifest, self.separate()].into_iter().flatten().filter(|_| joins);
        joined.chain(self.whole().into_iter().map(Candidate::Whole)).collect()
    }

    /// Returns the picture and the sound to join.
    fn separate(&self) -> Option<Candidate> {
        let is_usable = |index: &usize| {
            self.formats.get(*index).is_some_and(|one| one.transport().is_some() && !one.is_of_manifest())
        };
        let picture = self.picture.filter(is_usable)?;
        Some(Candidate::Separate { picture, sound: self.sound.filter(is_usable)? })
    }

    fn whole(&self) -> Vec<usize> {
        let Some(best_index) = self.best else { return Vec::new() };
        let Some(best) = self.best().filter(|best| best.transport().is_some()) else { return Vec::new() };
        let is_equal = |other: &Format| {
            let is_of_same_manifest = other.is_of_manifest() && other.url == best.url; // which has all formats
            other.transport().is_some() && other.tracks() == best.tracks() && !is_of_same_manifest
        };
        let others = (0..self.formats.len()).rev().filter(|index| *index != best_index);
        let (same, other): (Vec<_>, Vec<_>) = others
            .filter(|index| is_equal(&self.formats[*index]))
            .partition(|index| self.formats[*index].form() == best.form());
        // What fails in one transport, such as encrypted segments, may fail in all formats of it.
        let (first, rest) = other.split_at(other.len().min(1));
        [&[best_index], first, &same, rest].concat()
    }
}

/// What may be imported from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// The format with this index.
    Whole(usize),
    /// The formats with these indexes, joined.
    Separate {
        /// The picture's.
        picture: usize,
        /// The sound's.
        sound: usize,
    },
}

impl Candidate {
    /// Returns the index of the format that is opened first.
    pub(crate) fn first(self) -> usize {
        match self {
            Self::Whole(index) | Self::Separate { picture: index, .. } => index,
        }
    }
}

/// One format of the media.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Format {
    /// The URL of the media file, playlist or manifest.
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
    /// As the segments of an HLS playlist or an MPEG-DASH manifest.
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
            "m3u8" | "m3u8_native" | MANIFEST => Some(Transport::Playlist),
            _ => None,
        }
    }

    /// Returns what the format's URL leads to: a file, a playlist or a manifest.
    fn form(&self) -> (Option<Transport>, bool) {
        (self.transport(), self.is_of_manifest())
    }

    /// Returns whether the format's URL is that of an MPEG-DASH manifest, from which picture and sound are chosen.
    pub(crate) fn is_of_manifest(&self) -> bool {
        self.protocol.as_deref() == Some(MANIFEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(vcodec: &str, acodec: &str, protocol: &str) -> Format {
        let [vcodec, acodec, protocol] = [vcodec, acodec, protocol].map(|text| Some(text.to_owned()));
        Format { vcodec, acodec, protocol, ..Format::default() }
    }

    fn page(formats: Vec<Format>, best: Option<usize>) -> Page {
        Page { formats, best, picture: Some(1), sound: Some(0), ..Page::default() }
    }

    #[test]
    fn separate_formats_come_before_whole_ones_if_they_are_joined() {
        let (sound, picture) = (format("none", "opus", "https"), format("vp9", "none", "https"));
        let whole = format("avc1", "mp4a", "https");
        let both = page(vec![sound.clone(), picture.clone(), whole], Some(2));
        let separate = Candidate::Separate { picture: 1, sound: 0 };
        assert_eq!(both.candidates(true), [separate, Candidate::Whole(2)]);
        assert_eq!(both.candidates(false), [Candidate::Whole(2)]);
        let apart = page(vec![sound.clone(), picture], None);
        assert_eq!((apart.candidates(true), apart.candidates(false)), (vec![separate], vec![]));
        let segments = page(vec![sound, format("vp9", "none", "http_dash_segments")], None);
        assert_eq!(segments.candidates(true), []);
        let better = Page { manifest: Some(1), ..segments.clone() };
        assert_eq!((better.candidates(true), better.candidates(false)), (vec![Candidate::Whole(1)], vec![]));
        let manifest = Page { best: Some(1), ..segments };
        assert_eq!(manifest.candidates(true), [Candidate::Whole(1)]);
        assert_eq!(manifest.candidates(false), [Candidate::Whole(1)]);
    }

    #[test]
    fn what_is_to_be_joined_comes_before_what_is_whole_and_other_transports_before_lower_formats() {
        let (picture, sound) = (format("avc1", "none", "m3u8_native"), format("none", "mp4a", "m3u8_native"));
        let [small, large, low, high] =
            ["https", "https", "m3u8_native", "m3u8_native"].map(|protocol| format("avc1", "mp4a", protocol));
        let all = page(vec![sound, picture, small, large, low, high], Some(5));
        let whole = [5, 3, 4, 2].map(Candidate::Whole);
        assert_eq!(all.candidates(false), whole);
        let separate = Candidate::Separate { picture: 1, sound: 0 };
        assert_eq!(all.candidates(true), [&[separate], &whole[..]].concat());
        let all = Page { manifest: Some(1), ..all };
        assert_eq!(all.candidates(true), [&[Candidate::Whole(1), separate], &whole[..]].concat());
        let wrong = Page { manifest: Some(3), ..all };
        assert_eq!(wrong.candidates(true)[0], separate, "a file is no manifest");
    }
}
