//! Signs parts when their turn has come, some ahead.

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::api::Api;
use crate::failure::Failure;

/// Parts signed with one request: a slow line sends as many within a URL's life.
const AHEAD: usize = 32;

/// The signed PUTs of one upload.
pub(super) struct Signer<'a> {
    api: &'a Api,
    id: &'a str,
    /// The parts that are to be sent, in this order.
    wanted: &'a [u32],
    signed: Mutex<HashMap<u32, Value>>,
}

impl<'a> Signer<'a> {
    pub(super) fn new(api: &'a Api, id: &'a str, wanted: &'a [u32]) -> Self {
        Self { api, id, wanted, signed: Mutex::default() }
    }

    /// A PUT of this part. Each is given out once, so that asking again gives a fresh one.
    pub(super) async fn sign(&self, number: u32) -> Result<Value, Failure> {
        let mut signed = self.signed.lock().await; // held over the request: others would ask for the same
        if let Some(part) = signed.remove(&number) {
            return Ok(part);
        }
        let from = self.wanted.iter().position(|wanted| *wanted == number).unwrap_or(0);
        let next = self.wanted[from..].iter().copied().filter(|wanted| !signed.contains_key(wanted));
        let numbers: Vec<u32> = next.take(if signed.is_empty() { AHEAD } else { 1 }).collect();
        let body = json!({ "part_numbers": numbers });
        let answer = self.api.post(&format!("/uploads/{}/parts", self.id), &body).await?;
        for part in answer["parts"].as_array().into_iter().flatten() {
            if let Some(number) = part["part_number"].as_u64().and_then(|number| u32::try_from(number).ok()) {
                signed.insert(number, part.clone());
            }
        }
        signed.remove(&number).ok_or_else(|| Failure::Answer(format!("part {number} was not signed")))
    }
}
