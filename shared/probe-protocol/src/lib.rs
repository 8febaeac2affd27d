//! Messages between `probe-file`, which runs ffprobe on strangers' bytes and has no rights, and `probe-record`, which holds
//! the file's record. One probe is two synchronous invocations: [`ProbeRequest::Begin`] before it and
//! [`ProbeRequest::Finish`] after it.
//!
//! These types say what is well-formed, not what is true: `probe-record` checks every value of a report.

use media_facts::{MediaType, ProbeFacts, ProbeSummary};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most bytes of ffprobe's complete output, as JSON. With all else in a report it stays far below the 6 MB of an invocation,
/// and escaped once more in the response of `get-file` too.
pub const MAX_FULL_BYTES: usize = 2 * 1024 * 1024;

/// What `probe-file` asks of `probe-record`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProbeRequest {
    /// Asks whether an object is to be probed, and for the right to read it.
    Begin {
        /// The object's key.
        key: String,
    },
    /// Hands in what the probe found.
    Finish(Box<ProbeReport>),
}

/// What `probe-record` responds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeResponse {
    /// The object is to be probed.
    Probe {
        /// A presigned GET of this one object; ranges and conditions may be sent with it.
        url: String,
    },
    /// The file is finished already, or deleted.
    NothingToDo,
    /// The report has been saved.
    Saved,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeReport {
    /// The object's key.
    pub key: String,
    /// The entity tag of the bytes that were read, with its quotes.
    pub etag: String,
    /// Media type by the bytes, where the stored one is missing or wrong.
    pub content_type: Option<String>,
    /// Which ffprobe it was.
    pub ffprobe: Option<String>,
    /// What it said.
    pub found: Found,
}

/// What ffprobe said of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Found {
    /// It could read the file, or with `partial` some of it.
    Media(Box<MediaFound>),
    /// It could not, for the reason given in plain words.
    Unreadable(String),
}

/// What ffprobe said of a file that it could read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaFound {
    /// What the file is.
    pub media_type: MediaType,
    /// The flat part.
    pub summary: ProbeSummary,
    /// What else is often asked for.
    pub facts: ProbeFacts,
    /// ffprobe's complete output: an object with `format`, `streams` and `chapters`.
    pub full: Value,
    /// Why it read only a part of the file, in plain words.
    pub partial: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Option<ProbeRequest> {
        serde_json::from_value(value).ok()
    }

    #[test]
    fn both_requests_come_back_as_sent() {
        let media = MediaFound {
            media_type: MediaType::Audio,
            summary: ProbeSummary {
                duration: Some(1.5),
                format_name: "mp3".to_owned(),
                ..Default::default()
            },
            facts: ProbeFacts { channels: Some(2), ..Default::default() },
            full: json!({"format": {"size": "3"}, "streams": [], "chapters": []}),
            partial: None,
        };
        for found in [Found::Media(Box::new(media)), Found::Unreadable("the file is empty".to_owned())] {
            let report = ProbeReport {
                key: "files/o/i".to_owned(),
                etag: "\"e\"".to_owned(),
                content_type: Some("audio/mpeg".to_owned()),
                ffprobe: None,
                found,
            };
            let request = ProbeRequest::Finish(Box::new(report));
            assert_eq!(read(serde_json::to_value(&request).unwrap()), Some(request));
        }
        let begin = ProbeRequest::Begin { key: "files/o/i".to_owned() };
        assert_eq!(serde_json::to_value(&begin).unwrap(), json!({"begin": {"key": "files/o/i"}}));
        assert_eq!(read(json!({"begin": {"key": "files/o/i"}})), Some(begin));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for wrong in [
            json!(null),
            json!({}),
            json!("begin"),
            json!({"begin": {}}),
            json!({"begin": {"key": 7}}),
            json!({"begin": {"key": "k", "owner": "o"}}),
            json!({"begin": {"key": "k"}, "finish": {}}),
            json!({"finish": {"key": "k", "etag": "e", "found": {"media": {}}}}),
            json!({"finish": {"key": "k", "etag": "e", "found": {"unreadable": 3}}}),
            json!({"finish": {"key": "k", "etag": "e", "size": 7, "found": {"unreadable": "x"}}}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
