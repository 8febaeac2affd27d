//! Primary keys, partitions of indexes, and the prefixes of sort keys.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{DeliveryId, EndpointId, EventRef, FileId, KeyHash, MediaType, OwnerId, Status};

use crate::attribute::Item;

/// Prefix of the sort key of a file's summary.
pub(crate) const FILE_PREFIX: &str = "file#";
/// Prefix of the sort key of the removal entry of a deleted file.
pub(crate) const REMOVED_PREFIX: &str = "gone#";
/// Prefix of the sort key of an event.
pub(crate) const EVENT_PREFIX: &str = "event#";
/// Prefix of the sort key of a webhook endpoint.
pub(crate) const ENDPOINT_PREFIX: &str = "endpoint#";
/// Prefix of the sort key of a delivery.
pub(crate) const DELIVERY_PREFIX: &str = "delivery#";
/// Prefix of the partition key of an API key.
pub(crate) const KEY_PREFIX: &str = "key#";

/// Number of partitions of the index `due`, so that none is hot.
pub const DUE_SHARDS: u8 = 4;

pub(crate) fn owner_pk(owner: OwnerId) -> String {
    format!("owner#{owner}")
}

pub(crate) fn file_sk(id: FileId) -> String {
    format!("{FILE_PREFIX}{id}")
}

pub(crate) fn detail_sk(id: FileId) -> String {
    format!("detail#{id}")
}

pub(crate) fn removed_sk(id: FileId) -> String {
    format!("{REMOVED_PREFIX}{id}")
}

pub(crate) fn event_sk(event: EventRef) -> String {
    format!("{EVENT_PREFIX}{}_{}", event.file, event.kind)
}

pub(crate) fn endpoint_sk(id: EndpointId) -> String {
    format!("{ENDPOINT_PREFIX}{id}")
}

pub(crate) fn delivery_sk(id: DeliveryId) -> String {
    format!("{DELIVERY_PREFIX}{id}")
}

/// Returns the primary key of an item of the files table.
pub(crate) fn primary_key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk.into())),
        ("sk".to_owned(), AttributeValue::S(sk.into())),
    ])
}

/// Returns the primary key of an API key's item in the keys table.
pub(crate) fn api_key_key(hash: KeyHash) -> Item {
    HashMap::from([("pk".to_owned(), AttributeValue::S(format!("{KEY_PREFIX}{hash}")))])
}

/// Returns the primary key of an owner's individual limits in the keys table.
pub(crate) fn owner_limits_key(owner: OwnerId) -> Item {
    HashMap::from([("pk".to_owned(), AttributeValue::S(owner_pk(owner)))])
}

/// Reads the ids from the primary key of an item whose sort key has this prefix.
pub(crate) fn ids<T: FromStr>(pk: &str, sk: &str, prefix: &str) -> Option<(OwnerId, T)> {
    let owner = pk.strip_prefix("owner#")?.parse().ok()?;
    let id = sk.strip_prefix(prefix)?.parse().ok()?;
    Some((owner, id))
}

/// Reads an event from the primary key of its item.
pub(crate) fn event_ref(pk: &str, sk: &str) -> Option<EventRef> {
    let owner = pk.strip_prefix("owner#")?.parse().ok()?;
    let (file, kind) = sk.strip_prefix(EVENT_PREFIX)?.split_once('_')?;
    Some(EventRef { owner, file: file.parse().ok()?, kind: kind.parse().ok()? })
}

/// Returns the partition of a file in the index `due`.
pub(crate) fn due_partition(id: FileId) -> String {
    due_shard(id.spread() % DUE_SHARDS)
}

/// Returns the name of a partition of the index `due`.
pub(crate) fn due_shard(shard: u8) -> String {
    format!("due#{shard}")
}

/// Returns the partition of a file in the index `status`; `None` for `success`, which is not in it.
pub(crate) fn status_partition(owner: OwnerId, status: Status) -> Option<String> {
    (status != Status::Success).then(|| format!("{}#{status}", owner_pk(owner)))
}

/// Returns the partition of a probed file in the index `type`.
pub(crate) fn type_partition(owner: OwnerId, media_type: MediaType) -> String {
    format!("{}#{media_type}", owner_pk(owner))
}
