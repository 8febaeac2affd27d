use std::collections::BTreeMap;

use serde::Deserialize;

/// What a page shows: one video or sound, and what is said of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Page {
    /// Its title.
    pub title: Option<String>,
    /// Who published it.
    pub uploader: Option<String>,
    /// The page, after redirects.
    pub page_url: Option<String>,
    /// In seconds.
    pub duration: Option<f64>,
    /// The site, as yt-dlp calls it: `Youtube`, or `Generic`.
    pub site: Option<String>,
    /// A still picture.
    pub thumbnail_url: Option<String>,
    /// `YYYY-MM-DD`.
    pub upload_date: Option<String>,
    /// What there is, the best of its kind last.
    pub formats: Vec<Format>,
    /// Which of the formats is the one to import.
    pub best: usize,
}

impl Page {
    /// The format to import.
    #[must_use]
    pub fn best(&self) -> Option<&Format> {
        self.formats.get(self.best)
    }
}

/// One form in which it can be had.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Format {
    /// Of the media, or of its playlist.
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
    /// What a request for it should say besides.
    #[serde(default)]
    pub http_headers: BTreeMap<String, String>,
}

/// How a format comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One stream.
    Progressive,
    /// A playlist of HLS.
    Playlist,
}

impl Format {
    /// How it comes; `None` in a way that nothing here can fetch.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        match self.protocol.as_deref()? {
            "https" | "http" => Some(Transport::Progressive),
            "m3u8" | "m3u8_native" => Some(Transport::Playlist),
            _ => None,
        }
    }
}
