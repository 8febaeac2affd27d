//! Multipart uploads: sends parts concurrently, each with its own retries. After an interruption, sends only the missing parts.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::signer::Signer;
use super::{Next, classify, put_timeout, skip};
use crate::api::Api;
use crate::back_off::{MAX_ATTEMPTS, back_off};
use crate::failure::Failure;
use crate::journal::Journal;
use crate::json::Json;
use crate::local_file::{LocalFile, Sent};
use crate::print::Print;
use crate::progress::Bar;
use crate::simple::id_of;

/// The maximum number of times that the parts are sent and completed, if the server reports missing parts.
const MAX_ROUNDS: u32 = 3;

/// A multipart upload.
struct MultipartUpload {
    id: String,
    part_size: u64,
    part_count: u32,
    stored: BTreeSet<u32>,
}

/// The state of the upload of an earlier run.
enum EarlierUpload {
    /// The upload can be resumed.
    Unfinished(MultipartUpload),
    /// The upload is complete.
    Done(Json),
    /// There is no such upload, or it has ended without success.
    Over,
}

/// Uploads a file, or its missing parts, and returns the file.
pub(super) async fn send(
    api: &Api,
    local: &LocalFile,
    request: &Value,
    journal: &Journal,
    parallel: usize,
    print: &Print,
) -> Result<Json, Failure> {
    let begun = match earlier(api, journal).await? {
        EarlierUpload::Done(file) => {
            skip(local, print);
            return Ok(file);
        }
        EarlierUpload::Unfinished(begun) => {
            print.note(&format!("resumes: {} of {} parts are stored", begun.stored.len(), begun.part_count));
            begun
        }
        EarlierUpload::Over => begin(api, journal, request).await?,
    };
    let already = begun.stored.iter().map(|number| begun.range(*number, local.size).1).sum();
    let bar = print.bars.add(&local.name(), local.size, already);
    let file = begun.finish(api, local, parallel, &bar).await?;
    bar.finish();
    Ok(file)
}

async fn begin(api: &Api, journal: &Journal, request: &Value) -> Result<MultipartUpload, Failure> {
    if journal.read().is_some_and(|entry| entry.id.is_some()) {
        journal.remove(); // the upload of the earlier run has ended
    }
    let (file, _) = journal.create(api, request).await?;
    let id = id_of(&file)?;
    journal.set_id(&id)?;
    MultipartUpload::of(id, &file["upload"])
}

/// Requests the state of the upload of an earlier run.
async fn earlier(api: &Api, journal: &Journal) -> Result<EarlierUpload, Failure> {
    let Some(id) = journal.read().and_then(|entry| entry.id) else { return Ok(EarlierUpload::Over) };
    match stored(api, &id).await {
        Ok(begun) => Ok(EarlierUpload::Unfinished(begun)),
        Err(failure) if failure.has_reason("upload_over") => {
            let file = api.get(&format!("/files/{id}")).await?;
            Ok(if file["status"] == "failed" { EarlierUpload::Over } else { EarlierUpload::Done(file) })
        }
        Err(failure) if failure.has_reason("not_found") || failure.has_reason("parts_gone") => {
            Ok(EarlierUpload::Over)
        }
        Err(failure) => Err(failure),
    }
}

/// Lists the stored parts of an upload.
async fn stored(api: &Api, id: &str) -> Result<MultipartUpload, Failure> {
    let mut numbers = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = api.get(&format!("/uploads/{id}/parts?after={after}")).await?;
        for part in page["parts"].as_array().into_iter().flatten() {
            numbers.extend(part["part_number"].as_u64().and_then(|number| u32::try_from(number).ok()));
        }
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => {
                return Ok(MultipartUpload { stored: numbers, ..MultipartUpload::of(id.to_owned(), &page)? });
            }
        }
    }
}

impl MultipartUpload {
    fn of(id: String, plan: &Value) -> Result<Self, Failure> {
        let part_size = plan["part_size"].as_u64().filter(|size| *size > 0);
        let part_count = plan["part_count"].as_u64().and_then(|count| u32::try_from(count).ok());
        let (Some(part_size), Some(part_count)) = (part_size, part_count) else {
            return Err(Failure::Response("an upload without a part_size".to_owned()));
        };
        Ok(Self { id, part_size, part_count, stored: BTreeSet::new() })
    }

    /// Returns the offset and the length of a part. `size` is that of the file.
    fn range(&self, number: u32, size: u64) -> (u64, u64) {
        let start = u64::from(number.saturating_sub(1)) * self.part_size;
        (start, size.saturating_sub(start).min(self.part_size))
    }

    /// Sends the missing parts and completes the upload. If the server reports missing parts, sends them again.
    async fn finish(
        &self,
        api: &Api,
        local: &LocalFile,
        parallel: usize,
        bar: &Bar,
    ) -> Result<Json, Failure> {
        let mut missing: Vec<u32> =
            (1..=self.part_count).filter(|number| !self.stored.contains(number)).collect();
        for round in 1.. {
            self.send_parts(api, local, &missing, parallel, bar).await?;
            if !local.is_unchanged() {
                let _ = api.delete(&format!("/files/{}", self.id)).await; // on failure, the file expires
                return Err(Failure::local(&local.path, "changed during the upload"));
            }
            match api.post(&format!("/uploads/{}/complete", self.id), &json!({})).await {
                Ok(file) => return Ok(file),
                Err(Failure::Refused { fields, reason, .. })
                    if reason == "parts_incomplete" && round < MAX_ROUNDS =>
                {
                    let named = |field: &String| field.strip_prefix("part_numbers.")?.parse().ok();
                    missing =
                        fields.iter().filter_map(named).filter(|number| *number <= self.part_count).collect();
                    bar.dec(missing.iter().map(|number| self.range(*number, local.size).1).sum());
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::Response("parts are missing after several uploads".to_owned()))
    }

    async fn send_parts(
        &self,
        api: &Api,
        local: &LocalFile,
        numbers: &[u32],
        parallel: usize,
        bar: &Bar,
    ) -> Result<(), Failure> {
        let signer = Signer::new(api, &self.id, numbers);
        let send = |number: &u32| self.send_part(api, local, &signer, *number, bar);
        stream::iter(numbers.iter().map(send)).buffer_unordered(parallel).try_collect().await
    }

    async fn send_part(
        &self,
        api: &Api,
        local: &LocalFile,
        signer: &Signer<'_>,
        number: u32,
        bar: &Bar,
    ) -> Result<(), Failure> {
        let (start, length) = self.range(number, local.size);
        let mut part = signer.sign(number).await?;
        for attempt in 0.. {
            let sent = Sent::on(bar);
            let url =
                part["url"].as_str().ok_or_else(|| Failure::Response("a part without a URL".to_owned()))?;
            let put = api.storage(Method::PUT, url, &part["headers"]).header("content-length", length);
            let put = put.timeout(put_timeout(length)).body(local.body(start, length, sent.clone()).await?);
            match classify(put.send().await).await {
                Ok(()) => break,
                Err((next, failure)) if next == Next::GiveUp || attempt + 1 >= MAX_ATTEMPTS => {
                    return Err(failure);
                }
                Err((next, _)) => {
                    sent.take_back();
                    back_off(attempt, None).await;
                    if next == Next::SignAndRetry {
                        part = signer.sign(number).await?;
                    }
                }
            }
        }
        Ok(())
    }
}
