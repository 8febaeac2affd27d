use media_facts::{MediaType, ProbeSummary};

/// Where the facts ([`ProbeFacts`](media_facts::ProbeFacts)) are in the stored JSON, beside `format`, `streams` and
/// `chapters`.
pub const PROBE_FACTS: &str = "facts";

/// How probing ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// ffprobe read it.
    Media {
        /// What it is.
        media_type: MediaType,
        /// The flat part.
        summary: ProbeSummary,
        /// Why it read only a part of the file, in plain words: what depends on the whole is then absent.
        partial: Option<String>,
    },
    /// ffprobe could not, for the reason given in plain words. The file is good all the same.
    Unreadable(String),
}
