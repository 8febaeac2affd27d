//! Multipart uploads: parts side by side, each with its own retries; after an interruption only the missing parts.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::signer::Signer;
use super::{Next, judge, longest};
use crate::api::Api;
use crate::back_off::{TRIES, pause};
use crate::failure::Failure;
use crate::journal::Journal;
use crate::json::Json;
use crate::local_file::{LocalFile, Sent};
use crate::print::Print;
use crate::progress::Bar;
use crate::simple::id_of;

/// Rounds in which parts that the server misses are sent again.
const ROUNDS: u32 = 3;

/// An upload that has begun.
struct Begun {
    id: String,
    part_size: u64,
    part_count: u32,
    stored: BTreeSet<u32>,
}

/// The state of an upload of an earlier run.
enum Earlier {
    Unfinished(Begun),
    Done(Json),
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
        Earlier::Done(file) => return Ok(file),
        Earlier::Unfinished(begun) => {
            print.note(&format!("resumes: {} of {} parts are stored", begun.stored.len(), begun.part_count));
            begun
        }
        Earlier::Over => begin(api, journal, request).await?,
    };
    let already = begun.stored.iter().map(|number| begun.range(*number, local.size).1).sum();
    let bar = print.bars.add(&local.name(), local.size, already);
    let file = begun.finish(api, local, parallel, &bar).await?;
    bar.finish();
    Ok(file)
}

async fn begin(api: &Api, journal: &Journal, request: &Value) -> Result<Begun, Failure> {
    if journal.read().is_some_and(|entry| entry.id.is_some()) {
        journal.forget(); // that upload is over
    }
    let (file, _) = journal.create(api, request).await?;
    let id = id_of(&file)?;
    journal.set_id(&id)?;
    Begun::of(id, &file["upload"])
}

/// Asks for the upload of an earlier run.
async fn earlier(api: &Api, journal: &Journal) -> Result<Earlier, Failure> {
    let Some(id) = journal.read().and_then(|entry| entry.id) else { return Ok(Earlier::Over) };
    match stored(api, &id).await {
        Ok(begun) => Ok(Earlier::Unfinished(begun)),
        Err(failure) if failure.is("upload_over") => {
            let file = api.get(&format!("/files/{id}")).await?;
            Ok(if file["status"] == "failed" { Earlier::Over } else { Earlier::Done(file) })
        }
        Err(failure) if failure.is("not_found") || failure.is("parts_gone") => Ok(Earlier::Over),
        Err(failure) => Err(failure),
    }
}

/// The upload with all of its stored parts.
async fn stored(api: &Api, id: &str) -> Result<Begun, Failure> {
    let mut numbers = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = api.get(&format!("/uploads/{id}/parts?after={after}")).await?;
        for part in page["parts"].as_array().into_iter().flatten() {
            numbers.extend(part["part_number"].as_u64().and_then(|number| u32::try_from(number).ok()));
        }
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => return Ok(Begun { stored: numbers, ..Begun::of(id.to_owned(), &page)? }),
        }
    }
}

impl Begun {
    fn of(id: String, plan: &Value) -> Result<Self, Failure> {
        let part_size = plan["part_size"].as_u64().filter(|size| *size > 0);
        let part_count = plan["part_count"].as_u64().and_then(|count| u32::try_from(count).ok());
        let (Some(part_size), Some(part_count)) = (part_size, part_count) else {
            return Err(Failure::Answer("an upload without a part_size".to_owned()));
        };
        Ok(Self { id, part_size, part_count, stored: BTreeSet::new() })
    }

    /// Where a part begins, and its length.
    fn range(&self, number: u32, size: u64) -> (u64, u64) {
        let start = u64::from(number.saturating_sub(1)) * self.part_size;
        (start, size.saturating_sub(start).min(self.part_size))
    }

    /// Sends the missing parts, and completes the upload. Parts that the server then misses are sent again.
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
                let _ = api.delete(&format!("/files/{}", self.id)).await; // else it expires
                return Err(Failure::local(&local.path, "has changed while it was uploaded"));
            }
            match api.post(&format!("/uploads/{}/complete", self.id), &json!({})).await {
                Ok(file) => return Ok(file),
                Err(Failure::Refused { fields, reason, .. })
                    if reason == "parts_incomplete" && round < ROUNDS =>
                {
                    let named = |field: &String| field.strip_prefix("part_numbers.")?.parse().ok();
                    missing =
                        fields.iter().filter_map(named).filter(|number| *number <= self.part_count).collect();
                    bar.dec(missing.iter().map(|number| self.range(*number, local.size).1).sum());
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::Answer("the parts are never whole".to_owned()))
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
                part["url"].as_str().ok_or_else(|| Failure::Answer("a part without a URL".to_owned()))?;
            let put = api.storage(Method::PUT, url, &part["headers"]).header("content-length", length);
            let put = put.timeout(longest(length)).body(local.body(start, length, sent.clone()).await?);
            match judge(put.send().await).await {
                Ok(()) => break,
                Err((next, failure)) if next == Next::GiveUp || attempt + 1 >= TRIES => return Err(failure),
                Err((next, _)) => {
                    sent.take_back();
                    pause(attempt, None).await;
                    if next == Next::SignAgain {
                        part = signer.sign(number).await?;
                    }
                }
            }
        }
        Ok(())
    }
}
