use media_facts::{MediaType, ProbeSummary};

use crate::{FullProbe, ObjectMeta, Timestamp};

/// The name of the member of the stored JSON with the facts ([`ProbeFacts`](media_facts::ProbeFacts)), in addition to `format`,
/// `streams` and `chapters`.
pub const PROBE_FACTS: &str = "facts";

/// The outcome of a probe.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// ffprobe read the file or, with `partial`, a part of it.
    Media {
        /// The kind of media.
        media_type: MediaType,
        /// The flat part of ffprobe's output.
        summary: ProbeSummary,
        /// Why ffprobe read only a part of the file, in plain words. Values that depend on the whole file are then absent.
        partial: Option<String>,
    },
    /// ffprobe could not read the file, for this reason in plain words. The stored bytes can be downloaded nevertheless.
    Unreadable(String),
}

/// The values that a finished probe writes to the record.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeDone {
    /// The object that was probed.
    pub object: ObjectMeta,
    /// The outcome.
    pub probed: Probed,
    /// Media type by the object's bytes, if the declared one is missing or wrong.
    pub content_type: Option<String>,
    /// ffprobe's complete output.
    pub full: Option<FullProbe>,
    /// Whether a poster has been stored.
    pub poster: bool,
    /// Version of the ffprobe that ran; `None` if none did.
    pub by: Option<String>,
    /// Whether the file awaited its single PUT when the probe began. A wrong value costs a read.
    pub ends_upload: bool,
    /// When the probe ended.
    pub now: Timestamp,
}

impl ProbeDone {
    /// Returns a finished probe with only these values.
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

    /// Returns the kind of media by the streams, otherwise by the media type detected from the first bytes, if ffprobe ran.
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
    fn the_media_type_of_an_unreadable_file_is_detected_from_its_bytes() {
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
        assert_eq!(of(None, None, Some("image/png")), MediaType::Other, "declared only");
    }
}
