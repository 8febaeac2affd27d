//! Completing a multipart upload: the parts become the object's segments, no byte is moved.

use std::sync::Arc;

use s3s::S3ErrorCode;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{ChecksumType, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart};
use time::OffsetDateTime;
use uuid::Uuid;

use super::multipart::no_such_upload;
use super::{conditions, encrypted, etag, signed};
use crate::s3::checksums::{Algorithm, Checksum, Kind, sent_checksums, set_checksum, single};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::{self, Object, Segment};
use crate::s3::index::uploads::{self, Part, Upload};
use crate::s3::store::{Change, Store};

/// Every part but the last has at least 5 MiB.
const MIN_PART: u64 = 5 << 20;

/// What the client wants to have completed.
struct Completion {
    key: String,
    upload: String,
    parts: Vec<CompletedPart>,
    condition: conditions::Write,
    checksum: Option<(Algorithm, String)>,
    checksum_type: Option<ChecksumType>,
    size: Option<i64>,
}

pub(super) async fn complete(
    store: &Arc<Store>,
    input: CompleteMultipartUploadInput,
) -> Outcome<CompleteMultipartUploadOutput> {
    store.check_bucket(&input.bucket)?;
    let completion = Completion {
        checksum: single(sent_checksums!(input))?,
        key: input.key.clone(),
        upload: input.upload_id,
        parts: input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default(),
        condition: conditions::Write::new(input.if_match, input.if_none_match)?,
        checksum_type: input.checksum_type,
        size: input.mpu_object_size,
    };
    let object = store.change(move |change| completion.perform(change)).await?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(etag(&object.etag)),
        checksum_type: Some(ChecksumType::from_static(object.checksum.kind.name())),
        server_side_encryption: Some(encrypted()),
        ..CompleteMultipartUploadOutput::default()
    };
    set_checksum!(output, object.checksum.algorithm, object.checksum.value);
    Ok(output)
}

impl Completion {
    fn perform(self, change: &mut Change<'_>) -> Outcome<Object> {
        let upload = uploads::find(&change.index, &self.key, &self.upload)?.ok_or_else(no_such_upload)?;
        let current = objects::find(&change.index, &self.key)?;
        if let Some(version) = &upload.completed {
            // Completed before: the same answer, as long as what it became is there.
            return current.filter(|object| object.version == *version).ok_or_else(no_such_upload);
        }
        if upload.kind == Kind::Composite {
            self.require_checksums(upload.computed())?;
        }
        let stored = uploads::parts(&change.index, &upload.id, 0, i64::MAX)?;
        let (chosen, unused) = self.choose(stored, upload.computed())?;
        let object = assemble(&upload, &chosen);
        self.check_object(&object)?;
        self.condition.check(current.as_ref())?;
        let segments: Vec<_> =
            chosen.into_iter().map(|part| Segment { file: part.file, size: part.size }).collect();
        uploads::remove_parts(&change.index, &upload.id)?;
        uploads::complete(&change.index, &upload.id, &object.version, object.modified)?;
        change.put_object("ObjectCreated:CompleteMultipartUpload", &object, &segments)?;
        change.remove_files(unused.into_iter().map(|part| part.file));
        Ok(object)
    }

    /// The parts that the client named, in order, and those it left out.
    fn choose(&self, stored: Vec<Part>, algorithm: Algorithm) -> Outcome<(Vec<Part>, Vec<Part>)> {
        let numbers: Vec<i32> = self.parts.iter().map(|part| part.part_number.unwrap_or(0)).collect();
        if numbers.is_empty() {
            let message =
                "The XML you provided was not well-formed or did not validate against our published schema";
            return Err(Fault::new(S3ErrorCode::MalformedXML, message));
        }
        if numbers.windows(2).any(|pair| pair[0] >= pair[1]) {
            let message =
                "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Fault::new(S3ErrorCode::InvalidPartOrder, message));
        }
        let (chosen, unused): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|part| numbers.binary_search(&part.number).is_ok());
        let fits = |(named, part): (&CompletedPart, &Part)| {
            let tag = named.e_tag.as_ref().is_some_and(|tag| tag.value() == part.etag);
            let sums = sent_checksums!(named).into_iter().filter_map(|(sent, value)| Some((sent, value?)));
            tag && sums
                .into_iter()
                .all(|(sent, value)| sent == algorithm && value == algorithm.encode(&part.checksum))
        };
        // Both are in ascending order, so that equally many are the same ones.
        if chosen.len() != numbers.len() || !self.parts.iter().zip(&chosen).all(fits) {
            let message = "One or more of the specified parts could not be found.  The part may not have been \
                           uploaded, or the specified entity tag may not match the part's entity tag.";
            return Err(Fault::new(S3ErrorCode::InvalidPart, message));
        }
        if chosen.iter().rev().skip(1).any(|part| part.size < MIN_PART) {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(Fault::new(S3ErrorCode::EntityTooSmall, message));
        }
        Ok((chosen, unused))
    }

    /// A checksum made of the parts' checksums needs them all named again.
    fn require_checksums(&self, algorithm: Algorithm) -> Outcome<()> {
        let named = |part: &CompletedPart| sent_checksums!(part).iter().any(|(_, value)| value.is_some());
        let Some(part) = self.parts.iter().find(|part| !named(part)) else {
            return Ok(());
        };
        let (name, number) = (algorithm.name().to_ascii_lowercase(), part.part_number.unwrap_or(0));
        let message = format!(
            "The upload was created using a {name} checksum. The complete request must include the checksum for each \
             part. It was missing for part {number} in the request."
        );
        Err(Fault::new(S3ErrorCode::InvalidRequest, message))
    }

    /// What the client says of the whole must be so.
    fn check_object(&self, object: &Object) -> Outcome<()> {
        let kind = object.checksum.kind.name();
        if self.checksum_type.as_ref().is_some_and(|sent| sent.as_str() != kind) {
            let message = format!(
                "The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."
            );
            return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
        }
        if self.size.is_some_and(|size| size != signed(object.size)) {
            let message = "The provided 'x-amz-mp-object-size' header value does not match what was computed";
            return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
        }
        let fits = |(algorithm, value): &(Algorithm, String)| {
            *algorithm == object.checksum.algorithm && *value == object.checksum.value
        };
        if self.checksum.as_ref().is_some_and(|sent| !fits(sent)) {
            let name = object.checksum.algorithm.name();
            let message = format!("The {name} you specified did not match the calculated checksum.");
            return Err(Fault::new(S3ErrorCode::BadDigest, message));
        }
        Ok(())
    }
}

fn assemble(upload: &Upload, parts: &[Part]) -> Object {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(&part.etag).unwrap_or_default());
    }
    let digests: Vec<_> = parts.iter().map(|part| (part.checksum.clone(), part.size)).collect();
    Object {
        key: upload.key.clone(),
        version: Uuid::now_v7().simple().to_string(),
        size: parts.iter().map(|part| part.size).sum(),
        etag: format!("{}-{}", hex::encode(md5.finalize()), parts.len()),
        modified: OffsetDateTime::now_utc(),
        checksum: Checksum::of_parts(upload.computed(), upload.kind, &digests),
        headers: upload.headers.clone(),
    }
}
