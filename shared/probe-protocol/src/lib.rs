//! Messages between `probe-file`, which runs ffprobe on untrusted bytes without permissions, and `probe-record`, which has access
//! to the file's record. A probe takes two synchronous invocations: [`ProbeRequest::Begin`] before it and [`ProbeRequest::Finish`]
//! after it.
//!
//! The types define well-formed messages. `probe-record` also checks every value of a report.

use media_facts::{MediaType, ProbeFacts, ProbeSummary};
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod base64_text;

/// Maximum number of bytes of ffprobe's complete output as JSON. A report, and the response of `get-file`, in which the output is escaped
/// again, stay far below the 6 MB of an invocation.
pub const MAX_FULL_BYTES: usize = 2 * 1024 * 1024;

/// Maximum number of bytes of a poster.
pub const MAX_POSTER_BYTES: usize = 256 * 1024;

/// A request of `probe-file`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProbeRequest {
    /// Requests a URL to read an object, if the object is to be probed.
    Begin {
        /// The object's key.
        key: String,
    },
    /// Reports the result of the probe.
    Finish(Box<ProbeReport>),
}

/// A response of `probe-record`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeResponse {
    /// The object is to be probed.
    Probe {
        /// A presigned GET of this object. Ranges and conditions may be added.
        url: String,
        /// Whether the file awaited its single PUT. The report repeats the value.
        #[serde(default)]
        ends_upload: bool,
        /// The extension of the file's name, in lower case, without the dot. It distinguishes text formats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extension: Option<String>,
    },
    /// The file is terminal or deleted.
    NothingToDo,
    /// The report was saved.
    Saved,
}

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeReport {
    /// The object's key.
    pub key: String,
    /// The entity tag of the bytes that were read, with its quotes.
    pub etag: String,
    /// Media type by the bytes, if the stored one is missing or wrong.
    pub content_type: Option<String>,
    /// Version of ffprobe.
    pub ffprobe: Option<String>,
    /// The value in the response to [`ProbeRequest::Begin`]. A wrong value costs `probe-record` a read.
    #[serde(default)]
    pub ends_upload: bool,
    /// A JPEG of the file, of at most [`MAX_POSTER_BYTES`]; base64 in JSON.
    #[serde(default, with = "base64_text", skip_serializing_if = "Option::is_none")]
    pub poster: Option<Vec<u8>>,
    /// The result of ffprobe.
    pub found: Found,
}

/// The result of ffprobe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Found {
    /// ffprobe read the file or, with `partial`, a part of it.
    Media(Box<MediaFound>),
    /// ffprobe could not read the file, for this reason in plain words.
    Unreadable(String),
}

/// The description of a file that ffprobe could read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaFound {
    /// The kind of media.
    pub media_type: MediaType,
    /// The summary.
    pub summary: ProbeSummary,
    /// Further facts.
    pub facts: ProbeFacts,
    /// ffprobe's complete output: an object with `format`, `streams` and `chapters`.
    pub full: Value,
    /// Why ffprobe read only a part of the file, in plain words.
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
    fn both_requests_survive_a_round_trip() {
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
                ends_upload: true,
                poster: Some(vec![0xff, 0xd8, 0]),
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
    fn malformed_requests_are_rejected() {
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
            json!({"finish": {"key": "k", "etag": "e", "poster": "_", "found": {"unreadable": "x"}}}),
            json!({"finish": {"key": "k", "etag": "e", "size": 7, "found": {"unreadable": "x"}}}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
