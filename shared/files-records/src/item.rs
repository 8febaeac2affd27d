//! Items as they are stored, and the way from and to the domain.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{
    Checksum, Detail, Due, DueKind, File, FileId, FileName, FullProbe, MediaType, Metadata, Origin, OwnerId,
    ProbeSummary, Progress, Resume, Source, Status, Timestamp,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::RecordsError;
use crate::due::due_shard;
use crate::error::corrupt;
use crate::list::{status_partition, type_partition};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn owner_pk(owner: OwnerId) -> String {
    format!("owner#{owner}")
}

pub(crate) const FILE_PREFIX: &str = "file#";

pub(crate) fn file_sk(id: FileId) -> String {
    format!("{FILE_PREFIX}{id}")
}

pub(crate) fn detail_sk(id: FileId) -> String {
    format!("detail#{id}")
}

pub(crate) fn primary_key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk.into())),
        ("sk".to_owned(), AttributeValue::S(sk.into())),
    ])
}

pub(crate) fn number(n: impl ToString) -> AttributeValue {
    AttributeValue::N(n.to_string())
}

pub(crate) fn text(s: impl Into<String>) -> AttributeValue {
    AttributeValue::S(s.into())
}

pub(crate) fn to_item(value: impl Serialize) -> Result<Item, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_item(value).map_err(corrupt)
}

pub(crate) fn to_attribute(value: impl Serialize) -> Result<AttributeValue, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value).map_err(corrupt)
}

pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(corrupt)
}

/// The summary: under 1 KB, so that a page of many stays cheap.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SummaryItem {
    pk: String,
    sk: String,
    version: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    updated_at: u64,
    reserved_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<ProbeSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ffprobe_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probed_by: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    probe_again: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    importing: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    name_from_source: bool,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<Resume>,
    #[serde(skip_serializing_if = "is_zero")]
    setbacks: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_tries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_type: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl From<&File> for SummaryItem {
    fn from(file: &File) -> Self {
        let file = file.clone();
        Self {
            pk: owner_pk(file.owner),
            sk: file_sk(file.id),
            version: file.version,
            name: file.name.as_str().to_owned(),
            source: Some(file.source),
            status: Some(file.status),
            updated_at: file.updated_at.millis(),
            reserved_bytes: file.reserved_bytes,
            size: file.size,
            content_type: file.content_type,
            checksum: file.checksum,
            announced_sha256: file.announced_sha256,
            progress: file.progress,
            expires_at: file.expires_at,
            error: file.error,
            media_type: file.media_type,
            probe: file.probe,
            ffprobe_error: file.ffprobe_error,
            probed_by: file.probed_by,
            probe_again: file.probe_again,
            importing: file.importing,
            name_from_source: file.name_from_source,
            generation: file.generation,
            lease_until: file.lease_until,
            upload_id: file.upload_id,
            resume: file.resume,
            setbacks: file.setbacks,
            part_size: file.part_size,
            due: file.due.map(|due| due.kind),
            due_at: file.due.map(|due| due.at),
            due_tries: file.due.map(|due| due.tries),
            due_shard: file.due.map(|_| due_shard(file.id)),
            owner_status: status_partition(file.owner, file.status),
            owner_type: file.media_type.map(|media_type| type_partition(file.owner, media_type)),
        }
    }
}

/// The ids of an item whose sort key is `{prefix}{id}`.
pub(crate) fn ids(pk: &str, sk: &str, prefix: &str) -> Option<(OwnerId, FileId)> {
    let owner = pk.strip_prefix("owner#")?.parse().ok()?;
    let id = sk.strip_prefix(prefix)?.parse().ok()?;
    Some((owner, id))
}

/// Reads a summary.
pub(crate) fn file_from_item(item: Item) -> Result<File, RecordsError> {
    let item: SummaryItem = from_item(item)?;
    let wrong = || corrupt(format!("not a file's summary: {} {}", item.pk, item.sk));
    let (owner, id) = ids(&item.pk, &item.sk, FILE_PREFIX).ok_or_else(wrong)?;
    let due = match (item.due, item.due_at) {
        (Some(kind), Some(at)) => Some(Due { kind, at, tries: item.due_tries.unwrap_or(0) }),
        _ => None,
    };
    Ok(File {
        id,
        owner,
        name: FileName::clean(&item.name).unwrap_or_else(FileName::fallback),
        source: item.source.ok_or_else(wrong)?,
        status: item.status.ok_or_else(wrong)?,
        updated_at: Timestamp::from_millis(item.updated_at),
        version: item.version,
        size: item.size,
        reserved_bytes: item.reserved_bytes,
        content_type: item.content_type,
        checksum: item.checksum,
        announced_sha256: item.announced_sha256,
        progress: item.progress,
        expires_at: item.expires_at,
        error: item.error,
        media_type: item.media_type,
        probe: item.probe,
        ffprobe_error: item.ffprobe_error,
        probed_by: item.probed_by,
        probe_again: item.probe_again,
        importing: item.importing,
        name_from_source: item.name_from_source,
        generation: item.generation,
        lease_until: item.lease_until,
        upload_id: item.upload_id,
        resume: item.resume,
        setbacks: item.setbacks,
        part_size: item.part_size,
        due,
    })
}

/// What only a look at one file shows. Written when there is something to say.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct DetailItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    source_headers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
}

/// The attribute with ffprobe's compressed output.
pub(crate) const FULL_PROBE: &str = "full_probe";
/// The attribute that says the output is in S3.
pub(crate) const FULL_PROBE_IN_OBJECT: &str = "full_probe_in_object";

/// The detail item of a new file; `None` if there is nothing to say.
pub(crate) fn detail_to_item(file: &File, detail: &Detail) -> Result<Option<Item>, RecordsError> {
    let metadata = Some(detail.metadata.clone()).filter(|m| !m.entries().is_empty());
    if metadata.is_none() && detail.source_url.is_none() && detail.origin.is_none() {
        return Ok(None);
    }
    let Detail { source_url, source_headers, origin, .. } = detail.clone();
    let mut item = to_item(DetailItem { metadata, source_url, source_headers, origin })?;
    item.extend(primary_key(owner_pk(file.owner), detail_sk(file.id)));
    Ok(Some(item))
}

/// Reads a detail item; a file without one has nothing more to say.
pub(crate) fn detail_from_item(item: Option<Item>) -> Result<Detail, RecordsError> {
    let Some(mut item) = item else {
        return Ok(Detail::default());
    };
    let full_probe = match (item.remove(FULL_PROBE), item.contains_key(FULL_PROBE_IN_OBJECT)) {
        (Some(AttributeValue::B(packed)), _) => Some(FullProbe::Inline(packed.into_inner())),
        (_, true) => Some(FullProbe::InObject),
        _ => None,
    };
    let item: DetailItem = from_item(item)?;
    let DetailItem { metadata, source_url, source_headers, origin } = item;
    Ok(Detail { metadata: metadata.unwrap_or_default(), source_url, source_headers, origin, full_probe })
}

/// The attribute that holds ffprobe's output, and its value.
pub(crate) fn full_probe_attribute(full: &FullProbe) -> (&'static str, AttributeValue) {
    match full {
        FullProbe::Inline(packed) => (FULL_PROBE, AttributeValue::B(packed.clone().into())),
        FullProbe::InObject => (FULL_PROBE_IN_OBJECT, AttributeValue::Bool(true)),
    }
}
