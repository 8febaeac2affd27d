//! Limits an owner's requests per second by tokens, which each process reserves in blocks.
//!
//! An item per second counts the tokens that were taken in it. A process takes a block by one conditional update, and admits
//! requests from memory until the block is used up, in this second or later. So an owner's requests in one second are at most the
//! rate plus one block per process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use files_domain::{Limit, LimitExceeded, OwnerId, Timestamp};

use crate::attribute::number;
use crate::error::unavailable;
use crate::keys::{owner_pk, primary_key};
use crate::{Records, RecordsError};

/// How long the item of a second is stored, above the clock skew of processes.
const ITEM_RETENTION: Duration = Duration::from_secs(600);
/// Maximum number of tokens of a block.
const MAX_BLOCK: u64 = 100;
/// Maximum number of owners in the memory of a process.
const MAX_OWNERS: usize = 10_000;

/// The tokens that this process has reserved of each owner.
#[derive(Debug)]
pub(crate) struct RateLimits {
    client: Client,
    table: String,
    reserved: Mutex<HashMap<OwnerId, Reservation>>,
}

/// The reserved tokens of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reservation {
    /// Number of unused tokens.
    Tokens(u64),
    /// The limit is exhausted in this second since the epoch.
    ExhaustedIn(u64),
}

impl RateLimits {
    /// Counts requests in the table of `records`.
    pub(crate) fn new(records: &Records) -> Self {
        let (client, table) = (records.client.clone(), records.table.clone());
        Self { client, table, reserved: Mutex::default() }
    }

    /// Takes a token of an owner. Admits the request if DynamoDB fails.
    pub(crate) async fn take(&self, owner: OwnerId, rate: u64, now: Timestamp) -> Result<(), RecordsError> {
        if let Some(outcome) = self.take_reserved(owner, rate, now) {
            return outcome;
        }
        let block = (rate / 10).clamp(1, MAX_BLOCK);
        let granted = match self.reserve(owner, rate, block, now).await {
            Ok(granted) => granted,
            Err(error) => {
                // Fails open: the limit protects other owners, and must not make the API unavailable.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "counting requests failed, the request is admitted"
                );
                return Ok(());
            }
        };
        let reserved =
            granted.checked_sub(1).map_or(Reservation::ExhaustedIn(now.seconds()), Reservation::Tokens);
        self.store(owner, reserved);
        if granted > 0 { Ok(()) } else { Err(too_many(rate)) }
    }

    /// Takes a token from memory. `None`: a block has to be reserved.
    fn take_reserved(&self, owner: OwnerId, rate: u64, now: Timestamp) -> Option<Result<(), RecordsError>> {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        match reserved.get_mut(&owner)? {
            Reservation::Tokens(0) => None,
            Reservation::Tokens(tokens) => {
                *tokens -= 1;
                Some(Ok(()))
            }
            Reservation::ExhaustedIn(second) => (*second == now.seconds()).then(|| Err(too_many(rate))),
        }
    }

    fn store(&self, owner: OwnerId, tokens: Reservation) {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        if reserved.len() >= MAX_OWNERS && !reserved.contains_key(&owner) {
            reserved.clear();
        }
        reserved.insert(owner, tokens);
    }

    /// Reserves up to `block` tokens of the second. Returns their number.
    async fn reserve(
        &self,
        owner: OwnerId,
        rate: u64,
        block: u64,
        now: Timestamp,
    ) -> Result<u64, RecordsError> {
        let key = primary_key(owner_pk(owner), format!("rate#{}", now.seconds()));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET #ttl = :ttl ADD taken :block")
            .condition_expression("attribute_not_exists(taken) OR taken < :rate")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(now.plus(ITEM_RETENTION).seconds()))
            .expression_attribute_values(":block", number(block))
            .expression_attribute_values(":rate", number(rate))
            .return_values(ReturnValue::UpdatedNew);
        match update.send().await {
            Ok(output) => {
                let taken = output.attributes.as_ref().and_then(|item| item.get("taken")?.as_n().ok());
                let taken = taken.and_then(|taken| taken.parse().ok()).unwrap_or(block);
                Ok(block.saturating_sub(u64::saturating_sub(taken, rate)))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(0),
                _ => Err(unavailable(error)),
            },
        }
    }
}

fn too_many(rate: u64) -> RecordsError {
    let limit = Limit::RequestsPerSecond;
    LimitExceeded { limit, used: rate, max: rate, requested: 1 }.into()
}
