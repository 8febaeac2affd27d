//! The client's metadata as an attribute: a map, or compressed JSON if it is long. Each write of an item is paid by the size of the
//! whole item, twice in a transaction.

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::Metadata;

use crate::RecordsError;
use crate::attribute::{Item, to_attribute};
use crate::error::corrupt;
use crate::probe_output::{pack, unpack};

/// The attribute.
pub(crate) const METADATA: &str = "metadata";
/// Longest JSON that is stored as a map, in bytes.
const MAX_PLAIN_BYTES: usize = 1_024;

/// Returns the value of the attribute.
pub(crate) fn metadata_attribute(metadata: &Metadata) -> Result<AttributeValue, RecordsError> {
    let bytes: usize = metadata.entries().iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes <= MAX_PLAIN_BYTES {
        return to_attribute(metadata);
    }
    Ok(AttributeValue::B(pack(metadata).map_err(corrupt)?.into()))
}

/// Writes the attribute of an item that has it as a map in the shorter form.
pub(crate) fn pack_metadata(item: &mut Item, metadata: &Metadata) -> Result<(), RecordsError> {
    if let Some(attribute) = item.get_mut(METADATA) {
        *attribute = metadata_attribute(metadata)?;
    }
    Ok(())
}

/// Returns whether a value of the attribute is compressed.
pub(crate) fn is_packed(value: &AttributeValue) -> bool {
    value.is_b()
}

/// Reads the compressed attribute of an item.
pub(crate) fn metadata_of(mut item: Item) -> Result<Metadata, RecordsError> {
    match item.remove(METADATA) {
        Some(AttributeValue::B(packed)) => unpack(packed.as_ref()).map_err(corrupt),
        _ => Err(corrupt("an item without compressed metadata")),
    }
}

/// Writes the attribute of an item as a map.
pub(crate) fn unpack_metadata(item: &mut Item) -> Result<(), RecordsError> {
    if let Some(attribute) = item.get_mut(METADATA)
        && let AttributeValue::B(packed) = &*attribute
    {
        let metadata: Metadata = unpack(packed.as_ref()).map_err(corrupt)?;
        *attribute = to_attribute(metadata)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(value: &str) -> Metadata {
        Metadata::new((0..3).map(|n| (format!("key {n}"), value.to_owned())).collect()).unwrap()
    }

    #[test]
    fn long_metadata_is_packed_and_unpacked() {
        for (value, is_packed) in [("ü", false), (&*"ü🎬".repeat(200), true)] {
            let metadata = metadata(value);
            let mut item = Item::from([(METADATA.to_owned(), to_attribute(&metadata).unwrap())]);
            let plain = item.clone();
            pack_metadata(&mut item, &metadata).unwrap();
            assert_eq!(matches!(item[METADATA], AttributeValue::B(_)), is_packed);
            unpack_metadata(&mut item).unwrap();
            assert_eq!(item, plain);
        }
        let mut empty = Item::new();
        pack_metadata(&mut empty, &Metadata::default()).unwrap();
        unpack_metadata(&mut empty).unwrap();
        assert!(empty.is_empty());
    }

    #[test]
    fn invalid_packed_metadata_is_an_error() {
        let mut item = Item::from([(METADATA.to_owned(), AttributeValue::B(b"no".to_vec().into()))]);
        assert!(unpack_metadata(&mut item).is_err());
    }
}
