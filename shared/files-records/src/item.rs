//! Converts between items of the files table and the domain's types.

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{Detail, File, FileId, FullProbe};

use crate::RecordsError;
use crate::attribute::{Item, from_item, text, to_item};
use crate::error::corrupt;
use crate::keys::{
    FILE_PREFIX, detail_sk, due_partition, file_sk, ids, owner_pk, primary_key, status_partition,
    type_partition,
};
use crate::packed::{METADATA, ORIGIN, STREAMS, pack_attribute, unpack_attribute};

/// Builds a file's summary: the file, with its ids as the primary key and the attributes of its sparse indexes. It has less than
/// 1 KB, so that a page of many files is cheap.
pub(crate) fn file_to_item(file: &File) -> Result<Item, RecordsError> {
    let mut item = to_item(file)?;
    pack_attribute(&mut item, STREAMS)?;
    item.remove("owner");
    item.remove("id");
    item.extend(primary_key(owner_pk(file.owner), file_sk(file.id)));
    let mut index = |attribute: &str, partition: Option<String>| {
        item.extend(partition.map(|partition| (attribute.to_owned(), text(partition))));
    };
    index("due_shard", file.deadline.map(|_| due_partition(file.id)));
    index("owner_status", status_partition(file.owner, file.status()));
    index("owner_type", file.media_type().map(|media_type| type_partition(file.owner, media_type)));
    Ok(item)
}

/// Reads a file's summary.
pub(crate) fn file_from_item(mut item: Item) -> Result<File, RecordsError> {
    let key = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str);
    let (pk, sk) = (key("pk"), key("sk"));
    let found =
        ids::<FileId>(pk, sk, FILE_PREFIX).ok_or_else(|| corrupt(format!("not a file's summary: {pk} {sk}")));
    let (owner, id) = found?;
    unpack_attribute(&mut item, STREAMS)?;
    item.insert("owner".to_owned(), text(owner.to_string()));
    item.insert("id".to_owned(), text(id.to_string()));
    from_item(item)
}

/// The attribute that holds ffprobe's compressed output.
pub(crate) const FULL_PROBE: &str = "full_probe";
/// The attribute that marks that the output is in S3.
pub(crate) const FULL_PROBE_IN_OBJECT: &str = "full_probe_in_object";

/// Builds the detail item of a new file; `None` if it would be empty.
pub(crate) fn detail_to_item(file: &File, detail: &Detail) -> Result<Option<Item>, RecordsError> {
    let mut item = to_item(detail)?;
    if item.is_empty() {
        return Ok(None);
    }
    for long in [METADATA, ORIGIN] {
        pack_attribute(&mut item, long)?;
    }
    item.extend(primary_key(owner_pk(file.owner), detail_sk(file.id)));
    Ok(Some(item))
}

/// Reads a detail item. A file with an empty detail has no such item.
pub(crate) fn detail_from_item(item: Option<Item>) -> Result<Detail, RecordsError> {
    let Some(mut item) = item else { return Ok(Detail::default()) };
    for long in [METADATA, ORIGIN] {
        unpack_attribute(&mut item, long)?;
    }
    let full_probe = match (item.remove(FULL_PROBE), item.contains_key(FULL_PROBE_IN_OBJECT)) {
        (Some(AttributeValue::B(packed)), _) => Some(FullProbe::Inline(packed.into_inner())),
        (_, true) => Some(FullProbe::InObject),
        _ => None,
    };
    Ok(Detail { full_probe, ..from_item(item)? })
}

/// Returns the attribute that holds ffprobe's output, and its value.
pub(crate) fn full_probe_attribute(full: &FullProbe) -> (&'static str, AttributeValue) {
    match full {
        FullProbe::Inline(packed) => (FULL_PROBE, AttributeValue::B(packed.clone().into())),
        FullProbe::InObject => (FULL_PROBE_IN_OBJECT, AttributeValue::Bool(true)),
    }
}
