//! Completes multipart uploads: the parts become the object's segments, and no byte is copied.

use std::sync::Arc;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{ChecksumType, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart};
use s3s::{S3ErrorCode, S3Request};
use time::OffsetDateTime;
use uuid::Uuid;

use super::multipart::no_such_upload;
use super::{conditions, encrypted, etag, signed};
use crate::s3::checksums::{Algorithm, Checksum, Kind, sent_checksums, set_checksum, single};
use crate::s3::extensions::NoBody;
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::{self, Object, Segment};
use crate::s3::index::uploads::{self, Part, Upload};
use crate::s3::store::{Change, Store};

/// Minimum size of every part but the last: 5 MiB.
const MIN_PART: u64 = 5 << 20;

/// A request to complete an upload.
struct Completion {
    key: String,
    upload: String,
    has_body: bool,
    parts: Vec<CompletedPart>,
    condition: conditions::Write,
    checksum: Option<(Algorithm, String)>,
    checksum_type: Option<ChecksumType>,
    size: Option<i64>,
}

pub(super) async fn complete(
    store: &Arc<Store>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> Outcome<CompleteMultipartUploadOutput> {
    let S3Request { input, extensions, .. } = request;
    store.check_bucket(&input.bucket)?;
    let completion = Completion {
        checksum: single(sent_checksums!(input))?,
        key: input.key.clone(),
        upload: input.upload_id,
        has_body: extensions.get::<NoBody>().is_none(),
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
        let gone = || no_such_upload(&self.upload);
        let upload = uploads::find(&change.index, &self.key, &self.upload)?.ok_or_else(gone)?;
        let current = objects::find(&change.index, &self.key)?;
        if let Some(version) = &upload.completed {
            // Completed before: respond as before, as long as the object exists.
            return current.filter(|object| object.version == *version).ok_or_else(gone);
        }
        self.condition.check_since(current.as_ref(), upload.overtaken)?;
        self.check_order()?;
        self.check_kind(&upload)?;
        let stored = uploads::parts(&change.index, &upload.id, 0, i64::MAX)?;
        let (chosen, unused) = self.choose(stored, &upload)?;
        let object = assemble(&upload, &chosen);
        self.check_object(&object, &upload)?;
        let segments: Vec<_> = chosen.into_iter().map(segment).collect();
        uploads::remove_parts(&change.index, &upload.id)?;
        uploads::complete(&change.index, &upload.id, &object.version, object.modified)?;
        change.put_object("ObjectCreated:CompleteMultipartUpload", &object, &segments)?;
        change.remove_files(unused.into_iter().map(|part| part.file));
        Ok(object)
    }

    fn numbers(&self) -> Vec<i32> {
        self.parts.iter().map(|part| part.part_number.unwrap_or(0)).collect()
    }

    fn check_order(&self) -> Outcome<()> {
        if !self.has_body {
            let message = "You must specify at least one part";
            return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
        }
        if self.parts.is_empty() {
            return Err(S3ErrorCode::MalformedXML.into());
        }
        if self.numbers().windows(2).any(|pair| pair[0] >= pair[1]) {
            let message =
                "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Fault::new(S3ErrorCode::InvalidPartOrder, message).detail("UploadId", &self.upload));
        }
        Ok(())
    }

    /// Checks that the checksum type is that of the upload. An upload without an algorithm has no type.
    fn check_kind(&self, upload: &Upload) -> Outcome<()> {
        let kind = upload.algorithm.map_or("null", |_| upload.kind.name());
        if self.checksum_type.as_ref().is_none_or(|sent| sent.as_str() == kind) {
            return Ok(());
        }
        let message = format!(
            "The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."
        );
        Err(Fault::new(S3ErrorCode::InvalidRequest, message))
    }

    /// Returns the parts that the client named, in order, and the other stored parts.
    fn choose(&self, stored: Vec<Part>, upload: &Upload) -> Outcome<(Vec<Part>, Vec<Part>)> {
        let numbers = self.numbers();
        let (chosen, unused): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|part| numbers.binary_search(&part.number).is_ok());
        let mut found = chosen.iter().peekable();
        for (index, named) in self.parts.iter().enumerate() {
            // Both are in ascending order.
            let part = found.next_if(|part| part.number == numbers[index]);
            let part = part.ok_or_else(|| self.invalid_part(named))?;
            self.check_part(named, part, upload)?;
            if part.size < MIN_PART && index + 1 < numbers.len() {
                let message = "Your proposed upload is smaller than the minimum allowed size";
                return Err(Fault::new(S3ErrorCode::EntityTooSmall, message)
                    .detail("ETag", &part.etag)
                    .detail("MinSizeAllowed", MIN_PART)
                    .detail("PartNumber", part.number)
                    .detail("ProposedSize", part.size));
            }
        }
        Ok((chosen, unused))
    }

    /// Checks the client's tag and checksums of a part.
    fn check_part(&self, named: &CompletedPart, part: &Part, upload: &Upload) -> Outcome<()> {
        if named.e_tag.as_ref().is_none_or(|tag| tag.value() != part.etag) {
            return Err(self.invalid_part(named));
        }
        let sums = sent_checksums!(named).into_iter().filter_map(|(sent, value)| Some((sent, value?)));
        let sums: Vec<_> = sums.collect();
        let Some(algorithm) = upload.algorithm else {
            // The upload has no checksum to compare with.
            return if sums.is_empty() { Ok(()) } else { Err(self.invalid_part(named)) };
        };
        let own = sums.iter().find(|(sent, _)| *sent == algorithm);
        match (own, sums.first()) {
            (Some((_, value)), _) if sums.len() == 1 && *value == algorithm.encode(&part.checksum) => Ok(()),
            (None, None) if upload.kind == Kind::FullObject => Ok(()),
            (None, None) => {
                let (name, number) = (algorithm.name().to_ascii_lowercase(), part.number);
                let message = format!(
                    "The upload was created using a {name} checksum. The complete request must include the checksum for \
                     each part. It was missing for part {number} in the request."
                );
                Err(Fault::new(S3ErrorCode::InvalidRequest, message))
            }
            (None, Some((other, _))) if upload.kind == Kind::Composite => {
                let (name, number) = (other.name().to_ascii_lowercase(), part.number);
                let message =
                    format!("The {name} you specified for part {number} did not match what we received.");
                Err(Fault::new(S3ErrorCode::BadDigest, message))
            }
            _ => Err(self.invalid_part(named)),
        }
    }

    fn invalid_part(&self, named: &CompletedPart) -> Fault {
        let message = "One or more of the specified parts could not be found.  The part may not have been \
                       uploaded, or the specified entity tag may not match the part's entity tag.";
        Fault::new(S3ErrorCode::InvalidPart, message)
            .detail("ETag", named.e_tag.as_ref().map_or("", |tag| tag.value()))
            .detail("PartNumber", named.part_number.unwrap_or(0))
            .detail("UploadId", &self.upload)
    }

    /// Checks the client's size and checksum of the object. As in S3, a checksum of a whole object is wrong unless its type is
    /// sent with it.
    fn check_object(&self, object: &Object, upload: &Upload) -> Outcome<()> {
        if let Some(sent) = self.size.filter(|size| *size != signed(object.size)) {
            let message = format!(
                "The provided 'x-amz-mp-object-size' header value {sent} does not match what was computed: {}",
                object.size
            );
            return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
        }
        let Some((algorithm, value)) = &self.checksum else {
            return Ok(());
        };
        let is_untyped =
            upload.algorithm.is_some() && upload.kind == Kind::FullObject && self.checksum_type.is_none();
        let computed = &object.checksum;
        if is_untyped || *algorithm != computed.algorithm || *value != computed.value {
            let name = computed.algorithm.name().to_ascii_lowercase();
            let message = format!("The {name} you specified did not match the calculated checksum.");
            return Err(Fault::new(S3ErrorCode::BadDigest, message));
        }
        Ok(())
    }
}

fn segment(part: Part) -> Segment {
    Segment { file: part.file, size: part.size, number: part.number, checksum: Some(part.checksum) }
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
