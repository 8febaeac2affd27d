use std::collections::HashMap;
use std::time::Duration;

use crate::RecordsError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::attribute::Item;
use crate::error::{corrupt, unavailable};

/// Maximum number of attempts for keys that DynamoDB leaves unprocessed.
const MAX_BATCH_TRIES: u32 = 8;

/// Items or primary keys by table.
pub(crate) type ByTable = HashMap<String, Vec<Item>>;

/// Reads items of one or several tables by consistent `BatchGetItem` requests, with a further request while keys are unprocessed.
///
/// # Errors
/// [`RecordsError::Busy`]: keys are still unprocessed after 8 attempts.
pub(crate) async fn read(client: &Client, keys: ByTable) -> Result<ByTable, RecordsError> {
    let (mut found, mut pending) = (ByTable::new(), keys);
    for attempt in 0..MAX_BATCH_TRIES {
        let requested = pending.into_iter().map(|(table, keys)| {
            let requested = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            Ok((table, requested.map_err(corrupt)?))
        });
        let requested = requested.collect::<Result<HashMap<_, _>, RecordsError>>()?;
        let output = client.batch_get_item().set_request_items(Some(requested)).send().await;
        let output = output.map_err(unavailable)?;
        for (table, items) in output.responses.unwrap_or_default() {
            found.entry(table).or_default().extend(items);
        }
        let unprocessed = output.unprocessed_keys.unwrap_or_default().into_iter();
        pending = unprocessed.map(|(table, unprocessed)| (table, unprocessed.keys)).collect();
        pending.retain(|_, keys| !keys.is_empty());
        if pending.is_empty() {
            return Ok(found);
        }
        let jitter = Duration::from_millis(fastrand::u64(1..=20 << attempt));
        tokio::time::sleep(jitter).await; // backoff
    }
    Err(RecordsError::Busy("DynamoDB left keys unread".into()))
}

/// Returns items by their sort keys.
pub(crate) fn by_sort_key(items: Option<Vec<Item>>) -> Result<HashMap<String, Item>, RecordsError> {
    let keyed = |item: Item| {
        let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
        Ok((sk.ok_or_else(|| corrupt("an item without a sort key"))?, item))
    };
    items.unwrap_or_default().into_iter().map(keyed).collect()
}
