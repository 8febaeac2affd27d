use std::collections::BTreeMap;

use files_domain::{
    Checksum, Detail, DurationSource, File, FileId, Origin, PROBE_FACTS, ProbeFacts, ProbeSummary, Progress,
    Source, Status, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::BaseUrl;

/// A file as a client sees it.
#[derive(Clone, Debug, Serialize)]
pub struct FileBody {
    id: FileId,
    name: String,
    source: Source,
    status: Status,
    created_at: String,
    updated_at: String,
    size: Option<u64>,
    content_type: Option<String>,
    checksum: Option<Checksum>,
    progress: Option<Progress>,
    expires_at: Option<String>,
    reference: String,
    download_url: String,
    error: Option<String>,
    ffprobe: Option<Probe>,
    ffprobe_error: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    detail: Option<DetailBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadWay>,
}

#[derive(Clone, Debug, Serialize)]
struct DetailBody {
    source_url: Option<String>,
    origin: Option<Origin>,
    metadata: BTreeMap<String, String>,
}

/// What ffprobe says: the flat summary in a list, all of it for one file.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Probe {
    /// The flat summary.
    Summary {
        /// Pixels as shown.
        width: Option<u32>,
        /// Pixels as shown.
        height: Option<u32>,
        /// Seconds.
        duration: Option<f64>,
        /// How they are known.
        duration_source: Option<DurationSource>,
        /// ffprobe's name of the container.
        format_name: String,
        /// It saw a part of the file only: `ffprobe_error` says why.
        partial: bool,
    },
    /// Everything.
    Complete(Box<CompleteProbe>),
}

/// The summary and ffprobe's own output.
#[derive(Clone, Debug, Serialize)]
pub struct CompleteProbe {
    width: Option<u32>,
    height: Option<u32>,
    duration: Option<f64>,
    duration_source: Option<DurationSource>,
    format_name: String,
    partial: bool,
    video_codec: Option<String>,
    audio_codec: Option<String>,
    frame_rate: Option<f64>,
    bit_rate: Option<u64>,
    rotation: Option<i32>,
    #[serde(flatten)]
    facts: ProbeFacts,
    format: Value,
    streams: Value,
    chapters: Value,
}

impl Probe {
    fn summary(file: &File) -> Option<Self> {
        let ProbeSummary { width, height, duration, duration_source, format_name, .. } =
            file.probe().cloned()?;
        let partial = file.ffprobe_error().is_some();
        Some(Self::Summary { width, height, duration, duration_source, format_name, partial })
    }

    fn complete(file: &File, full: &Value) -> Option<Self> {
        let part = |name: &str, none: Value| full.get(name).cloned().unwrap_or(none);
        let probe = file.probe().cloned()?;
        // A record whose facts cannot be read lacks them; ffprobe's own words are there all the same.
        let facts =
            full.get(PROBE_FACTS).and_then(|facts| ProbeFacts::deserialize(facts).ok()).unwrap_or_default();
        Some(Self::Complete(Box::new(CompleteProbe {
            width: probe.width,
            height: probe.height,
            duration: probe.duration,
            duration_source: probe.duration_source,
            format_name: probe.format_name,
            partial: file.ffprobe_error().is_some(),
            video_codec: probe.video_codec,
            audio_codec: probe.audio_codec,
            frame_rate: probe.frame_rate,
            bit_rate: probe.bit_rate,
            rotation: probe.rotation,
            facts,
            format: part("format", Value::Null),
            streams: part("streams", Value::Array(Vec::new())),
            chapters: part("chapters", Value::Array(Vec::new())),
        })))
    }
}

impl FileBody {
    /// A file as it stands in a list.
    #[must_use]
    pub fn summary(file: &File, base: &BaseUrl) -> Self {
        Self {
            id: file.id,
            name: file.name.to_string(),
            source: file.source,
            status: file.status(),
            created_at: file.created_at().to_string(),
            updated_at: file.updated_at.to_string(),
            size: file.size,
            content_type: file.content_type.clone(),
            checksum: file.checksum.clone(),
            progress: file.progress(),
            expires_at: file.expires_at.map(|at| at.to_string()),
            reference: file.reference(),
            download_url: base.download(file.id, &file.name),
            error: file.error().map(str::to_owned),
            ffprobe: Probe::summary(file),
            ffprobe_error: file.ffprobe_error().map(str::to_owned),
            detail: None,
            upload: None,
        }
    }

    /// A file looked at by itself; `full` is ffprobe's own output, wherever it was stored.
    #[must_use]
    pub fn complete(file: &File, detail: &Detail, full: &Value, base: &BaseUrl) -> Self {
        Self {
            ffprobe: Probe::complete(file, full),
            detail: Some(DetailBody {
                source_url: detail.source_url.clone(),
                origin: detail.origin.clone(),
                metadata: detail.metadata.entries().clone(),
            }),
            ..Self::summary(file, base)
        }
    }

    /// With the way to bring its bytes.
    #[must_use]
    pub fn with_upload(self, upload: UploadWay) -> Self {
        Self { upload: Some(upload), ..self }
    }
}

/// How a client brings a file's bytes.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum UploadWay {
    /// By one PUT.
    Put(UploadBody),
    /// In parts, each of which is signed when its turn has come.
    Parts {
        /// Bytes of every part but the last.
        part_size: u64,
        /// How many parts there are.
        part_count: u32,
        /// Until when the upload waits, unless parts are signed in the meantime.
        expires_at: String,
    },
}

/// A presigned PUT.
#[derive(Clone, Debug, Serialize)]
pub struct UploadBody {
    /// `PUT`.
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// What must be sent with it.
    pub headers: BTreeMap<String, String>,
    /// Until when.
    pub expires_at: String,
}

impl UploadBody {
    /// A PUT with all that must be sent with it, until then.
    #[must_use]
    pub fn put(url: String, headers: BTreeMap<String, String>, expires_at: Timestamp) -> Self {
        Self { method: "PUT", url, headers, expires_at: expires_at.to_string() }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct ListBody {
    /// Its files.
    pub files: Vec<FileBody>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// Presigned PUTs of parts.
#[derive(Clone, Debug, Serialize)]
pub struct SignedPartsBody {
    /// In the order in which they were asked for.
    pub parts: Vec<SignedPart>,
}

/// A presigned PUT of one part.
#[derive(Clone, Debug, Serialize)]
pub struct SignedPart {
    /// From 1.
    pub part_number: u32,
    /// Where.
    pub url: String,
    /// What must be sent with it.
    pub headers: BTreeMap<String, String>,
    /// Until when.
    pub expires_at: String,
}

/// A page of the parts that are stored.
#[derive(Clone, Debug, Serialize)]
pub struct PartsBody {
    /// By number.
    pub parts: Vec<PartBody>,
    /// What to ask for `after`, to go on.
    pub next: Option<u32>,
    /// Bytes of every part but the last.
    pub part_size: u64,
    /// How many parts there are when all are stored.
    pub part_count: u32,
}

/// A stored part.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PartBody {
    /// From 1.
    pub part_number: u32,
    /// Bytes.
    pub size: u64,
}
