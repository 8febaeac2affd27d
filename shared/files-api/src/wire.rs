use std::collections::BTreeMap;

use files_domain::{
    Checksum, Detail, DurationSource, File, FileId, Origin, PROBE_FACTS, ProbeFacts, ProbeSummary, Progress,
    Retrying, Source, Status, Timestamp, UploadToken, UploadTokenRecord,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::BaseUrl;

/// The wire format of a file.
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
    poster_url: Option<String>,
    error: Option<String>,
    ffprobe: Option<Probe>,
    ffprobe_error: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    detail: Option<DetailBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadMethod>,
}

#[derive(Clone, Debug, Serialize)]
struct DetailBody {
    source_url: Option<String>,
    origin: Option<Origin>,
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retrying: Option<RetryingBody>,
}

/// The backoff of an import.
#[derive(Clone, Debug, Serialize)]
struct RetryingBody {
    reason: String,
    next_try_at: String,
}

impl RetryingBody {
    fn new(retrying: &Retrying) -> Self {
        Self { reason: retrying.reason.clone(), next_try_at: retrying.next_try_at.to_string() }
    }
}

/// ffprobe's output: the summary in a list, the complete output for a single file.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Probe {
    /// The summary.
    Summary(SummaryProbe),
    /// The summary and ffprobe's complete output.
    Complete(Box<CompleteProbe>),
}

/// The summary of ffprobe's output.
#[derive(Clone, Debug, Serialize)]
pub struct SummaryProbe {
    width: Option<u32>,
    height: Option<u32>,
    duration: Option<f64>,
    duration_source: Option<DurationSource>,
    format_name: String,
    /// Whether ffprobe read only a part of the file. The reason is in `ffprobe_error`.
    partial: bool,
}

/// The summary and ffprobe's complete output.
#[derive(Clone, Debug, Serialize)]
pub struct CompleteProbe {
    #[serde(flatten)]
    summary: SummaryProbe,
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

impl SummaryProbe {
    fn new(probe: &ProbeSummary, file: &File) -> Self {
        Self {
            width: probe.width,
            height: probe.height,
            duration: probe.duration,
            duration_source: probe.duration_source,
            format_name: probe.format_name.clone(),
            partial: file.ffprobe_error().is_some(),
        }
    }
}

impl Probe {
    fn summary(file: &File) -> Option<Self> {
        file.probe().map(|probe| Self::Summary(SummaryProbe::new(probe, file)))
    }

    fn complete(file: &File, full: &Value) -> Option<Self> {
        let part = |name: &str, none: Value| full.get(name).cloned().unwrap_or(none);
        let probe = file.probe().cloned()?;
        // If the stored facts are unreadable, only they are missing in the response.
        let facts =
            full.get(PROBE_FACTS).and_then(|facts| ProbeFacts::deserialize(facts).ok()).unwrap_or_default();
        Some(Self::Complete(Box::new(CompleteProbe {
            summary: SummaryProbe::new(&probe, file),
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
    /// Returns the wire format of a file in a list.
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
            poster_url: file.has_poster().then(|| base.poster(file.id)),
            error: file.error().map(str::to_owned),
            ffprobe: Probe::summary(file),
            ffprobe_error: file.ffprobe_error().map(str::to_owned),
            detail: None,
            upload: None,
        }
    }

    /// Returns the wire format of a single file. `full` is ffprobe's complete output.
    #[must_use]
    pub fn complete(file: &File, detail: &Detail, full: &Value, base: &BaseUrl) -> Self {
        Self {
            ffprobe: Probe::complete(file, full),
            detail: Some(DetailBody {
                source_url: detail.source_url.clone(),
                origin: detail.origin.clone(),
                metadata: detail.metadata.entries().clone(),
                retrying: file.import().and_then(|import| import.retrying.as_ref()).map(RetryingBody::new),
            }),
            ..Self::summary(file, base)
        }
    }

    /// Truncates the error texts.
    #[must_use]
    pub(crate) fn with_short_texts(mut self, max_chars: usize) -> Self {
        for text in [&mut self.error, &mut self.ffprobe_error].into_iter().flatten() {
            *text = text.chars().take(max_chars).collect();
        }
        self
    }

    /// Adds the method of the upload.
    #[must_use]
    pub fn with_upload(self, upload: UploadMethod) -> Self {
        Self { upload: Some(upload), ..self }
    }
}

/// The method by which a client uploads a file's bytes.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum UploadMethod {
    /// By a single PUT.
    Put(UploadBody),
    /// By a multipart upload whose parts are signed on demand.
    Parts {
        /// Size in bytes of every part except the last.
        part_size: u64,
        /// Number of parts.
        part_count: u32,
        /// The deadline of the upload, which signing parts extends.
        expires_at: String,
    },
}

/// A presigned PUT.
#[derive(Clone, Debug, Serialize)]
pub struct UploadBody {
    /// `PUT`.
    pub method: &'static str,
    /// The URL.
    pub url: String,
    /// Headers that must be sent.
    pub headers: BTreeMap<String, String>,
    /// When the URL expires.
    pub expires_at: String,
}

impl UploadBody {
    /// Returns a presigned PUT.
    #[must_use]
    pub fn put(url: String, headers: BTreeMap<String, String>, expires_at: Timestamp) -> Self {
        Self { method: "PUT", url, headers, expires_at: expires_at.to_string() }
    }
}

/// A new upload token.
#[derive(Clone, Debug, Serialize)]
pub struct UploadTokenBody {
    id: String,
    token: String,
    expires_at: String,
}

impl UploadTokenBody {
    /// Returns the token in clear text. No other response has it.
    #[must_use]
    pub fn new(token: &UploadToken, record: &UploadTokenRecord) -> Self {
        Self {
            id: token.hash().to_string(),
            token: token.reveal().to_owned(),
            expires_at: record.expires_at.to_string(),
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct ListBody {
    /// The files.
    pub files: Vec<FileBody>,
    /// Cursor of the next page.
    pub next_cursor: Option<String>,
}

/// Presigned PUTs of parts.
#[derive(Clone, Debug, Serialize)]
pub struct SignedPartsBody {
    /// The parts in the requested order.
    pub parts: Vec<SignedPart>,
}

/// A presigned PUT of one part.
#[derive(Clone, Debug, Serialize)]
pub struct SignedPart {
    /// Number of the part, from 1.
    pub part_number: u32,
    /// The URL.
    pub url: String,
    /// Headers that must be sent.
    pub headers: BTreeMap<String, String>,
    /// When the URL expires.
    pub expires_at: String,
}

/// A page of the stored parts.
#[derive(Clone, Debug, Serialize)]
pub struct PartsBody {
    /// The parts by number.
    pub parts: Vec<PartBody>,
    /// The value of `after` for the next page.
    pub next: Option<u32>,
    /// Size in bytes of every part except the last.
    pub part_size: u64,
    /// Number of parts of the whole upload.
    pub part_count: u32,
}

/// A stored part.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PartBody {
    /// Number of the part, from 1.
    pub part_number: u32,
    /// Size in bytes.
    pub size: u64,
}
