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
        Self { object, probed, content_type: None, full: None, by: None, ends_upload: false, now }
    }
}
