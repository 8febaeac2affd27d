//! Presigns the parts of an upload in batches, shortly before they are sent.

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::api::Api;
use crate::failure::Failure;

/// The number of parts per signing request. Even a slow connection sends so many before their URLs expire.
const BATCH: usize = 32;

/// The presigned PUT requests of one upload.
pub(super) struct Signer<'a> {
    api: &'a Api,
    id: &'a str,
    /// The numbers of the parts to send, in this order.
    numbers: &'a [u32],
    signed: Mutex<HashMap<u32, Value>>,
}

impl<'a> Signer<'a> {
    pub(super) fn new(api: &'a Api, id: &'a str, numbers: &'a [u32]) -> Self {
        Self { api, id, numbers, signed: Mutex::default() }
    }

    /// Returns a presigned PUT for a part. Each is returned once, so that a second call signs the part again.
    pub(super) async fn sign(&self, number: u32) -> Result<Value, Failure> {
        let mut signed = self.signed.lock().await; // locked while parts are signed, so that no part is signed twice
        if let Some(part) = signed.remove(&number) {
            return Ok(part);
        }
        let from = self.numbers.iter().position(|other| *other == number).unwrap_or(0);
        let next = self.numbers[from..].iter().copied().filter(|other| !signed.contains_key(other));
        let numbers: Vec<u32> = next.take(if signed.is_empty() { BATCH } else { 1 }).collect();
        let body = json!({ "part_numbers": numbers });
        let response = self.api.post(&format!("/uploads/{}/parts", self.id), &body).await?;
        for part in response["parts"].as_array().into_iter().flatten() {
            if let Some(number) = part["part_number"].as_u64().and_then(|number| u32::try_from(number).ok()) {
                signed.insert(number, part.clone());
            }
        }
        signed.remove(&number).ok_or_else(|| Failure::Response(format!("part {number} was not signed")))
    }
}
