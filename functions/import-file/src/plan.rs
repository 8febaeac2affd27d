//! The second stage: plans the transfer.

use std::collections::BTreeMap;

use files_domain::{FileName, PartPlan, Progress, Resume, StreamKind, limits};
use files_objects::{ObjectsError, Part, StoredParts};
use media_source::{Content, MediaSource, Request, Resolved};
use safe_fetch::{SafeClient, Source, Target, Validator, Version};
use tracing::info;

use crate::ONE_STREAM_BYTES;
use crate::error::ImportError;
use crate::fetched::SourceMetadata;
use crate::hash::PartsHash;
use crate::incoming::Incoming;
use crate::lease::Lease;
use crate::ranged_source::RangedSource;
use crate::resolve::resolve;

/// The maximum number of restarts because a source changed. After the last one, its parts are fetched in order.
pub(crate) const MAX_RESTARTS: u32 = 2;

/// The transfer of an import, with the metadata of its source.
pub(crate) struct Plan {
    pub(crate) metadata: SourceMetadata,
    pub(crate) transfer: Transfer,
}

/// The two ways to transfer bytes.
pub(crate) enum Transfer {
    /// In ranges over several connections. A later run can resume it.
    Ranges(Box<RangesPlan>),
    /// In one stream. It must complete in this run.
    Stream(Box<Incoming>),
}

/// The ranges of a source. Each becomes a part of the upload.
pub(crate) struct RangesPlan {
    pub(crate) source: RangedSource,
    pub(crate) parts: PartPlan,
    /// The parts that are already stored in S3.
    pub(crate) stored: BTreeMap<u32, Part>,
    /// The SHA-256 of the stored parts, if the parts are fetched in order.
    pub(crate) hash: Option<PartsHash>,
    /// An open response that begins with the first byte of the file.
    pub(crate) response: Option<Source>,
}

/// Plans the transfer of resolved media. For a transfer in ranges, creates the multipart upload and saves the resume state.
///
/// # Errors
/// [`ImportError::Refused`] if the file is too large, otherwise the errors of [`Lease::begin_upload`].
pub(crate) async fn plan(
    lease: &mut Lease<'_>,
    client: &SafeClient,
    resolved: Resolved,
    restarts: u32,
) -> Result<Plan, ImportError> {
    let Resolved { content, target, name, content_type, page, choice, .. } = resolved;
    // The media of a page or manifest have other URLs than the import.
    let is_of_page = choice.is_some() || lease.file.state.streams.is_some();
    let metadata = SourceMetadata { name, content_type, origin: page.and_then(|page| page.origin) };
    if let Content::File(source) = &content
        && let Some(length) = source.length
    {
        lease.check_size(length).await?;
    }
    let transfer = match content {
        Content::File(source) => match source.version.clone() {
            Some(version) if version.total > ONE_STREAM_BYTES => {
                let resume =
                    Resume { of_page: is_of_page, ..resume_state(lease, &version, &metadata, restarts)? };
                Transfer::Ranges(Box::new(
                    begin_ranges(lease, client, (target, *source), &metadata, resume).await?,
                ))
            }
            _ => Transfer::Stream(Box::new(Incoming::new(client.clone(), Content::File(source)))),
        },
        stream @ Content::Stream(_) => Transfer::Stream(Box::new(Incoming::new(client.clone(), stream))),
    };
    Ok(Plan { metadata, transfer })
}

/// Returns the state with which a later run resumes the transfer of a version.
fn resume_state(
    lease: &Lease<'_>,
    version: &Version,
    metadata: &SourceMetadata,
    restarts: u32,
) -> Result<Resume, ImportError> {
    let name = metadata.name.as_ref().filter(|_| lease.file.state.name_from_source);
    Ok(Resume {
        size: version.total,
        part_size: part_plan(version)?.part_size(),
        validator: version.validator.as_str().to_owned(),
        restarts,
        name: name.map(|name| name.as_str().to_owned()),
        content_type: metadata.content_type.clone(),
        of_page: false,
        hashed: None,
    })
}

fn part_plan(version: &Version) -> Result<PartPlan, ImportError> {
    PartPlan::for_size(version.total).ok_or_else(|| ImportError::too_large(limits::MAX_OBJECT_BYTES))
}

async fn begin_ranges(
    lease: &mut Lease<'_>,
    client: &SafeClient,
    (target, response): (Target, Source),
    metadata: &SourceMetadata,
    resume: Resume,
) -> Result<RangesPlan, ImportError> {
    let (parts, total, restarts) = (resume.plan(), resume.size, resume.restarts);
    let Some(version) = response.version.clone() else {
        return Err(ImportError::Ours("the response has no version".into()));
    };
    lease.file.state.resume = Some(resume);
    let upload_id = lease.begin_upload(metadata, Progress { received: 0, total: Some(total) }).await?;
    let location = response.target.clone();
    Ok(RangesPlan {
        source: RangedSource::new(lease, client.clone(), version, upload_id, (target, location)),
        parts,
        stored: BTreeMap::new(),
        hash: must_be_in_order(lease, restarts).then(PartsHash::default),
        response: Some(response),
    })
}

/// Plans the rest of a transfer that an earlier run began, from the parts stored in S3. Media of a web page are resolved again,
/// because their URL may have expired. Returns `None` if the import cannot be resumed.
pub(crate) async fn resume(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<Option<Plan>, ImportError> {
    let Some(resume) = lease.file.state.resume.clone() else { return Ok(None) };
    let Some(upload) = lease.file.upload_ref() else { return Ok(None) };
    let stored = match lease.objects().stored_parts(upload).await {
        Ok(stored) => stored,
        // The upload was completed or aborted, or expired by the bucket's lifecycle rule.
        Err(ObjectsError::NoSuchUpload) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let upload_id = upload.upload_id.to_owned();
    let Some(validator) = Validator::parse(&resume.validator) else { return Ok(None) };
    let in_order = must_be_in_order(lease, restarts);
    let Some((stored, hash)) = usable_parts(in_order, &resume, stored) else { return Ok(None) };
    info!(file = %lease.file.id, parts = stored.len(), of = resume.plan().count(), "resuming an import");
    let (mut target, mut origin) = (request.target.clone(), None);
    if resume.of_page {
        let resolved = resolve(lease.budget, sources, request).await?;
        let Some(stream) = stream_target(lease, &resolved) else { return Ok(None) };
        target = stream;
        origin = resolved.page.and_then(|page| page.origin);
    }
    let version = Version { total: resume.size, validator };
    let name = resume.name.as_deref().and_then(FileName::clean);
    let locations = (target.clone(), target);
    let source = RangedSource::new(lease, sources.client.clone(), version, upload_id, locations);
    let ranges = RangesPlan { source, parts: resume.plan(), stored, hash, response: None };
    Ok(Some(Plan {
        metadata: SourceMetadata { name, content_type: resume.content_type, origin },
        transfer: Transfer::Ranges(Box::new(ranges)),
    }))
}

/// Returns the target of the stream of a web page that the import fetches; `None`: the page has other formats now.
fn stream_target(lease: &Lease<'_>, resolved: &Resolved) -> Option<Target> {
    let Some(streams) = lease.file.state.streams.as_deref() else { return Some(resolved.target.clone()) };
    let sound = resolved.sound.as_ref()?;
    let is_sound = streams.missing() == Some(StreamKind::Sound);
    Some(if is_sound { sound.target.clone() } else { resolved.target.clone() })
}

/// Returns whether the parts must be fetched in order: if the SHA-256 of the file is needed, or the source has changed too often.
fn must_be_in_order(lease: &Lease<'_>, restarts: u32) -> bool {
    lease.file.announced_sha256.is_some() || restarts >= MAX_RESTARTS
}

/// Returns the stored parts that match the plan. If the parts are fetched in order, only hashed parts are usable; returns `None`
/// if one of these is missing.
fn usable_parts(
    in_order: bool,
    resume: &Resume,
    stored: StoredParts,
) -> Option<(BTreeMap<u32, Part>, Option<PartsHash>)> {
    let plan = resume.plan();
    let numbered =
        stored.parts().into_iter().filter_map(|part| Some((u32::try_from(part.number).ok()?, part)));
    let mut stored: BTreeMap<_, _> =
        numbered.filter(|(number, part)| plan.length(*number) == Some(part.size)).collect();
    if !in_order {
        return Some((stored, None));
    }
    let hash = resume.hashed.as_ref().and_then(PartsHash::deserialize).unwrap_or_default();
    stored.retain(|number, _| *number <= hash.parts());
    (stored.len() as u64 == u64::from(hash.parts())).then_some((stored, Some(hash)))
}
