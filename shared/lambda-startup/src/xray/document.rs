//! Segment documents (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>).

use std::collections::BTreeMap;

use files_domain::FileId;
use serde_json::{Value, json};

/// The largest segment document that X-Ray accepts, in bytes.
pub(super) const MAX_DOCUMENT_BYTES: usize = 64_000;
/// The longest name of a segment, in characters.
const MAX_NAME_CHARS: usize = 200;

/// Returns the trace of a file: the second in which it was created, and the last 24 hexadecimal digits of its id.
pub(super) fn trace_id(file: FileId) -> String {
    let digits = digits(file);
    format!("1-{:08x}-{}", file.created_at().seconds(), &digits[digits.len() - 24..])
}

/// Returns the id of the segment of the request that created a file, which is the parent of all others: the last 16 hexadecimal
/// digits of the file's id.
pub(super) fn root_id(file: FileId) -> String {
    let digits = digits(file);
    digits[digits.len() - 16..].to_owned()
}

/// Returns a new id of a segment.
pub(super) fn new_id() -> String {
    format!("{:016x}", fastrand::u64(1..))
}

fn digits(file: FileId) -> String {
    file.to_string().replace('-', "")
}

/// A call of an AWS service.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The service, as the SDK names it.
    pub(super) service: String,
    /// The operation.
    pub(super) operation: String,
    /// When it was sent, in seconds since 1970.
    pub(super) start: f64,
    /// When its response was complete, in seconds since 1970.
    pub(super) end: f64,
    /// Whether it failed.
    pub(super) failed: bool,
}

impl Call {
    fn document(&self) -> Value {
        let mut document = json!({
            "id": new_id(),
            "name": name(&self.service),
            "namespace": "aws",
            "start_time": self.start,
            "end_time": self.end,
            "aws": {"operation": self.operation},
        });
        if self.failed {
            document["error"] = true.into();
        }
        document
    }
}

/// The segment of an invocation in the trace of a file.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    file: FileId,
    id: String,
}

/// What an invocation has in each of its segments.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The name of the function.
    pub(super) function: String,
    /// When the invocation started, in seconds since 1970.
    pub(super) start: f64,
    /// The values by which traces are found.
    pub(super) annotations: BTreeMap<&'static str, Value>,
    /// The HTTP status of the response.
    pub(super) status: Option<u64>,
    /// Whether the invocation failed.
    pub(super) fault: bool,
}

impl Segment {
    /// Returns the segment of an invocation that `creates` the file, or works on it later.
    pub(super) fn new(file: FileId, creates: bool) -> Self {
        Self { file, id: if creates { root_id(file) } else { new_id() } }
    }

    /// Returns whether this is the segment of a file.
    pub(super) fn is_of(&self, file: FileId) -> bool {
        self.file == file
    }

    /// Returns the document of an invocation that has not ended, so that one that never ends is in the trace.
    pub(super) fn in_progress(&self, facts: &Facts) -> Value {
        let mut document = self.document(facts);
        document["in_progress"] = true.into();
        document
    }

    /// Returns the document of an invocation that ended at `end`. Leaves the calls out if the document would be too long.
    pub(super) fn ended(&self, facts: &Facts, end: f64, calls: &[Call]) -> Value {
        let mut document = self.document(facts);
        document["end_time"] = end.into();
        let bare = document.clone();
        if !calls.is_empty() {
            document["subsegments"] = calls.iter().map(Call::document).collect();
        }
        if document.to_string().len() <= MAX_DOCUMENT_BYTES { document } else { bare }
    }

    fn document(&self, facts: &Facts) -> Value {
        let mut annotations = json!(facts.annotations);
        annotations["file"] = self.file.to_string().into();
        let mut document = json!({
            "trace_id": trace_id(self.file),
            "id": self.id,
            "name": name(&facts.function),
            "origin": "AWS::Lambda::Function",
            "start_time": facts.start,
            "annotations": annotations,
        });
        if self.id != root_id(self.file) {
            document["parent_id"] = root_id(self.file).into();
        }
        if let Some(status) = facts.status {
            document["http"] = json!({"response": {"status": status}});
            document["throttle"] = (status == 429).into();
            document["error"] = (400..500).contains(&status).into();
        }
        document["fault"] = (facts.fault || facts.status.is_some_and(|status| status >= 500)).into();
        document
    }
}

/// Returns a name with only the characters that X-Ray allows, at most 200.
fn name(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_.:/%&#=+-@ ".contains(c) { c } else { '_' };
    text.chars().map(allowed).take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "0197b5d6-1c2e-7a3b-9c4d-5e6f7a8b9c0d";

    fn is_hex(text: &str, digits: usize) -> bool {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    fn call(index: u32) -> Call {
        let start = 1_760_000_000.25 + f64::from(index);
        Call {
            service: "DynamoDB".to_owned(),
            operation: "GetItem".to_owned(),
            start,
            end: start + 0.5,
            failed: index == 1,
        }
    }

    #[test]
    fn a_files_trace_is_derived_from_its_id() {
        let file: FileId = FILE.parse().unwrap();
        assert_eq!(trace_id(file), format!("1-{:08x}-1c2e7a3b9c4d5e6f7a8b9c0d", file.created_at().seconds()));
        assert_eq!(root_id(file), "9c4d5e6f7a8b9c0d");
        assert_eq!(file.created_at().millis(), 0x0197_b5d6_1c2e);
        for _ in 0..100 {
            assert!(is_hex(&new_id(), 16));
        }
    }

    #[test]
    fn the_segment_of_the_creation_is_the_parent_of_the_others() {
        let (file, facts) = (FILE.parse().unwrap(), Facts { start: 1.5, ..Facts::default() });
        let root = Segment::new(file, true).ended(&facts, 2.0, &[]);
        let later = Segment::new(file, false).ended(&facts, 2.0, &[]);
        assert_eq!((&root["id"], &root["parent_id"]), (&"9c4d5e6f7a8b9c0d".into(), &Value::Null));
        assert_eq!((&later["parent_id"], &later["trace_id"]), (&root["id"], &root["trace_id"]));
        assert!(is_hex(later["id"].as_str().unwrap(), 16), "{later}");
        assert_eq!(later["annotations"], json!({"file": FILE}));
        assert_eq!((&later["start_time"], &later["end_time"]), (&json!(1.5), &json!(2.0)));
    }

    #[test]
    fn calls_are_subsegments() {
        let (file, facts) = (FILE.parse().unwrap(), Facts::default());
        let document = Segment::new(file, false).ended(&facts, 2.0, &[call(0), call(1)]);
        let calls = document["subsegments"].as_array().unwrap();
        assert_eq!(calls.len(), 2);
        assert_eq!((&calls[0]["namespace"], &calls[0]["name"]), (&json!("aws"), &json!("DynamoDB")));
        assert_eq!(calls[0]["aws"], json!({"operation": "GetItem"}));
        assert_eq!((&calls[0]["error"], &calls[1]["error"]), (&Value::Null, &json!(true)));
        assert_eq!(calls[0]["start_time"], json!(1_760_000_000.25));
    }

    #[test]
    fn a_document_that_has_not_ended_has_no_end() {
        let document = Segment::new(FILE.parse().unwrap(), false).in_progress(&Facts::default());
        assert_eq!((&document["in_progress"], document.get("end_time")), (&json!(true), None));
    }

    #[test]
    fn a_document_never_exceeds_the_limit() {
        let calls: Vec<_> = (0..2_000).map(call).collect();
        let document = Segment::new(FILE.parse().unwrap(), false).ended(&Facts::default(), 2.0, &calls);
        assert!(document.get("subsegments").is_none() && document.to_string().len() < MAX_DOCUMENT_BYTES);
    }

    #[test]
    fn the_status_tells_errors_from_faults() {
        for (status, expected) in [
            (200, [false; 3]),
            (404, [true, false, false]),
            (429, [true, false, true]),
            (503, [false, true, false]),
        ] {
            let facts = Facts { status: Some(status), ..Facts::default() };
            let document = Segment::new(FILE.parse().unwrap(), false).ended(&facts, 2.0, &[]);
            assert_eq!(["error", "fault", "throttle"].map(|key| document[key] == true), expected, "{status}");
        }
    }

    #[test]
    fn names_have_only_allowed_characters() {
        assert_eq!(name("files-Get[1]é"), "files-Get_1__");
        assert_eq!(name(&"a".repeat(300)).len(), 200);
    }
}
