//! Attributes that are a map while they are short, and compressed JSON when they are long. Each write consumes capacity by the
//! size of the whole item, twice as much in a transaction.

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::Metadata;
use serde::Serialize;
use serde_json::Value;

use crate::RecordsError;
use crate::attribute::{Item, from_attribute, to_attribute};
use crate::error::corrupt;
use crate::probe_output::{pack, unpack};

/// The client's metadata.
pub(crate) const METADATA: &str = "metadata";
/// The web page's description of an imported file.
pub(crate) const ORIGIN: &str = "origin";
/// The state of an import whose streams are separate. It has the web page's description.
pub(crate) const STREAMS: &str = "streams";
/// Longest JSON that is stored as a map, in bytes.
const MAX_PLAIN_BYTES: usize = 1_024;

/// Returns the value of an attribute in the shorter form.
pub(crate) fn packed_attribute(value: &impl Serialize) -> Result<AttributeValue, RecordsError> {
    if serde_json::to_vec(value).map_err(corrupt)?.len() <= MAX_PLAIN_BYTES {
        return to_attribute(value);
    }
    Ok(AttributeValue::B(pack(value).map_err(corrupt)?.into()))
}

/// Writes an attribute of an item that has it as a map in the shorter form.
pub(crate) fn pack_attribute(item: &mut Item, name: &str) -> Result<(), RecordsError> {
    if let Some(attribute) = item.get_mut(name) {
        *attribute = packed_attribute(&from_attribute::<Value>(attribute.clone())?)?;
    }
    Ok(())
}

/// Returns whether the value of an attribute is compressed.
pub(crate) fn is_packed(value: &AttributeValue) -> bool {
    value.is_b()
}

/// Reads the compressed metadata of an item.
pub(crate) fn metadata_of(mut item: Item) -> Result<Metadata, RecordsError> {
    match item.remove(METADATA) {
        Some(AttributeValue::B(packed)) => unpack(packed.as_ref()).map_err(corrupt),
        _ => Err(corrupt("an item without compressed metadata")),
    }
}

/// Writes an attribute of an item as a map.
pub(crate) fn unpack_attribute(item: &mut Item, name: &str) -> Result<(), RecordsError> {
    if let Some(attribute) = item.get_mut(name)
        && let AttributeValue::B(packed) = &*attribute
    {
        let value: Value = unpack(packed.as_ref()).map_err(corrupt)?;
        *attribute = to_attribute(value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_value_is_packed_and_unpacked() {
        for (title, is_packed) in [("ü", false), (&*"ü🎬".repeat(200), true)] {
            let value = json!({"title": title, "duration": 12.5, "site": null, "chapters": [{"start": 1.5}]});
            let mut item = Item::from([(ORIGIN.to_owned(), to_attribute(&value).unwrap())]);
            let plain = item.clone();
            pack_attribute(&mut item, ORIGIN).unwrap();
            assert_eq!(matches!(item[ORIGIN], AttributeValue::B(_)), is_packed);
            unpack_attribute(&mut item, ORIGIN).unwrap();
            assert_eq!(item, plain);
        }
        let mut empty = Item::new();
        pack_attribute(&mut empty, ORIGIN).unwrap();
        unpack_attribute(&mut empty, ORIGIN).unwrap();
        assert!(empty.is_empty());
    }

    #[test]
    fn an_invalid_packed_value_is_an_error() {
        let mut item = Item::from([(STREAMS.to_owned(), AttributeValue::B(b"no".to_vec().into()))]);
        assert!(unpack_attribute(&mut item, STREAMS).is_err());
    }
}
