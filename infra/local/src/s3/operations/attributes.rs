//! Returns attributes of an object without its bytes.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>

use std::sync::Arc;

use s3s::dto::{
    Checksum, ChecksumType, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts,
    ObjectAttributes, ObjectPart, StorageClass,
};

use super::conditions::missing;
use super::list::{cut, page};
use super::{check_version, etag, not_implemented, signed};
use crate::s3::checksums::{Algorithm, Kind, set_checksum};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::{Object, Segment};
use crate::s3::store::Store;

/// The attributes that a client can request.
const ALL: [&str; 5] = [
    ObjectAttributes::CHECKSUM,
    ObjectAttributes::ETAG,
    ObjectAttributes::OBJECT_PARTS,
    ObjectAttributes::OBJECT_SIZE,
    ObjectAttributes::STORAGE_CLASS,
];

pub(super) async fn get_object_attributes(
    store: &Arc<Store>,
    input: GetObjectAttributesInput,
) -> Outcome<GetObjectAttributesOutput> {
    store.check_bucket(&input.bucket)?;
    if input.sse_customer_algorithm.is_some() {
        return Err(not_implemented());
    }
    check_version(input.version_id.as_deref())?;
    // Clients send one header per attribute, or all attributes in one header.
    let names = input.object_attributes.iter().flat_map(|names| names.as_str().split(','));
    let names: Vec<&str> = names.map(str::trim).collect();
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(name)) {
        let message = "Invalid attribute name specified.";
        return Err(Fault::argument(message, "x-amz-object-attributes", unknown));
    }
    let asked = |name: &str| names.contains(&name);
    let found = store.find(input.key.clone()).await?.ok_or_else(missing)?;
    let object = found.object;
    let mut output = GetObjectAttributesOutput {
        last_modified: Some(object.modified.into()),
        e_tag: asked(ObjectAttributes::ETAG).then(|| etag(&object.etag)),
        checksum: asked(ObjectAttributes::CHECKSUM).then(|| checksum(&object)),
        object_size: asked(ObjectAttributes::OBJECT_SIZE).then(|| signed(object.size)),
        storage_class: asked(ObjectAttributes::STORAGE_CLASS)
            .then(|| StorageClass::from_static(StorageClass::STANDARD)),
        ..GetObjectAttributesOutput::default()
    };
    if asked(ObjectAttributes::OBJECT_PARTS) && object.is_multipart() {
        let limit = page(input.max_parts, "max-parts")?;
        let after = input.part_number_marker.unwrap_or(0);
        output.object_parts = Some(parts(&object, found.segments, after, limit));
    }
    Ok(output)
}

/// Returns the checksum; for a composite one without the number of parts.
fn checksum(object: &Object) -> Checksum {
    let value = object.checksum.value.split('-').next().unwrap_or_default().to_owned();
    let mut checksum = Checksum {
        checksum_type: Some(ChecksumType::from_static(object.checksum.kind.name())),
        ..Checksum::default()
    };
    set_checksum!(checksum, object.checksum.algorithm, value);
    checksum
}

/// Returns the number of parts, and the parts if each has a checksum of its own.
fn parts(object: &Object, segments: Vec<Segment>, after: i32, limit: i32) -> GetObjectAttributesParts {
    let total_parts_count = i32::try_from(segments.len()).ok();
    if object.checksum.kind == Kind::FullObject {
        return GetObjectAttributesParts { total_parts_count, ..GetObjectAttributesParts::default() };
    }
    let mut listed: Vec<_> = segments.into_iter().filter(|segment| segment.number > after).collect();
    let more = cut(&mut listed, limit);
    GetObjectAttributesParts {
        total_parts_count,
        is_truncated: Some(more),
        max_parts: Some(limit),
        part_number_marker: Some(after),
        next_part_number_marker: Some(listed.last().map_or(0, |segment| segment.number)),
        parts: Some(listed.into_iter().map(|segment| part(object.checksum.algorithm, &segment)).collect()),
    }
}

fn part(algorithm: Algorithm, segment: &Segment) -> ObjectPart {
    let mut part = ObjectPart {
        part_number: Some(segment.number),
        size: Some(signed(segment.size)),
        ..ObjectPart::default()
    };
    if let Some(digest) = &segment.checksum {
        set_checksum!(part, algorithm, algorithm.encode(digest));
    }
    part
}
