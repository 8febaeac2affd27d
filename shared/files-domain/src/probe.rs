use media_facts::{MediaType, ProbeSummary};

use crate::{FullProbe, ObjectMeta, Timestamp};

/// Names the member of the stored JSON that holds the facts ([`ProbeFacts`](media_facts::ProbeFacts)), beside `format`,
/// `streams` and `chapters`.
pub const PROBE_FACTS: &str = "facts";

/// Says how a probe ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// ffprobe read the file, or with `partial` some of it.
    Media {
        /// The kind of media.
        media_type: MediaType,
        /// The flat part of ffprobe's output.
        summary: ProbeSummary,
        /// Why ffprobe read only a part of the file, in plain words: values that depend on the whole file are then absent.
        partial: Option<String>,
    },
    /// ffprobe could not read the file, for the reason given in plain words. The stored bytes are good all the same.
    Unreadable(String),
}

/// Carries everything that a finished probe writes to the record.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeDone {
    /// The object that was probed.
    pub object: ObjectMeta,
    /// How the probe ended.
    pub probed: Probed,
    /// Media type by the object's bytes, where the declared one is missing or wrong.
    pub content_type: Option<String>,
    /// ffprobe's complete output.
    pub full: Option<FullProbe>,
    /// Whether a poster has been stored.
    pub poster: bool,
    /// Version of the ffprobe that ran; `None` if none did.
    pub by: Option<String>,
    /// Whether the file was a single PUT whose bytes had not been seen when the probe began. A wrong value costs a read.
    pub ends_upload: bool,
    /// When the probe ended.
    pub now: Timestamp,
}

impl ProbeDone {
    /// Returns a probe of which only these three things are known.
    #[must_use]
    pub fn new(object: ObjectMeta, probed: Probed, now: Timestamp) -> Self {
        Self {
            object,
            probed,
            content_type: None,
            full: None,
            poster: false,
            by: None,
            ends_upload: false,
            now,
        }
    }

    /// Returns what the file is: by its streams, else by the media type of its first bytes. Without a probe, nobody has
    /// looked at those.
    #[must_use]
    pub fn media_type(&self) -> MediaType {
        match &self.probed {
            Probed::Media { media_type, .. } => *media_type,
            Probed::Unreadable(_) if self.by.is_none() => MediaType::Other,
            Probed::Unreadable(_) => {
                let content_type = self.content_type.as_deref().or(self.object.content_type.as_deref());
                let kind = content_type.and_then(|name| name.split_once('/')).map_or("", |(kind, _)| kind);
                MediaType::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or(MediaType::Other)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unread_file_is_what_its_bytes_are() {
        let of = |by: Option<&str>, found: Option<&str>, declared: Option<&str>| {
            let content_type = declared.map(str::to_owned);
            let object = ObjectMeta { size: 9, checksum: None, content_type, etag: String::new() };
            let probed = Probed::Unreadable("not media".to_owned());
            let mut done = ProbeDone::new(object, probed, Timestamp::from_millis(0));
            (done.by, done.content_type) = (by.map(str::to_owned), found.map(str::to_owned));
            done.media_type()
        };
        assert_eq!(of(Some("7.1"), Some("image/x-fuji-raf"), Some("text/html")), MediaType::Image);
        assert_eq!(of(Some("7.1"), None, Some("audio/midi")), MediaType::Audio);
        assert_eq!(of(Some("7.1"), Some("application/pdf"), Some("image/png")), MediaType::Other);
        assert_eq!(of(Some("7.1"), None, None), MediaType::Other);
        assert_eq!(of(None, None, Some("image/png")), MediaType::Other, "declared alone");
    }
}
