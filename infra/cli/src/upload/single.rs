//! One PUT with a SHA-256, which storage checks.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Next, judge, longest};
use crate::api::Api;
use crate::back_off::{TRIES, pause};
use crate::failure::Failure;
use crate::journal::Journal;
use crate::json::Json;
use crate::local_file::{LocalFile, Sent};
use crate::print::Print;
use crate::simple::id_of;

/// Uploads a file, and returns it. After an interruption the same idempotency key gives the same file with a fresh URL.
pub(super) async fn send(
    api: &Api,
    local: &LocalFile,
    body: &Value,
    journal: &Journal,
    print: &Print,
) -> Result<Json, Failure> {
    let (mut file, mut resumed) = journal.create(api, body).await?;
    if resumed && file["status"] == "failed" {
        journal.forget();
        (file, resumed) = journal.create(api, body).await?;
    }
    let id = id_of(&file)?;
    let bar = print.bars.add(&local.name(), local.size, 0);
    let mut upload = file["upload"].clone();
    if upload.is_null() && resumed {
        bar.inc(local.size);
        bar.finish();
        return Ok(file); // an earlier run has sent the bytes
    }
    for attempt in 0.. {
        let sent = Sent::on(&bar);
        let url =
            upload["url"].as_str().ok_or_else(|| Failure::Answer("an upload without a URL".to_owned()))?;
        let put = api.storage(Method::PUT, url, &upload["headers"]).header("content-length", local.size);
        let put = put.timeout(longest(local.size)).body(local.body(0, local.size, sent.clone()).await?);
        match judge(put.send().await).await {
            Ok(()) => break,
            // An earlier try has sent the bytes, and its response was lost.
            Err((_, Failure::Refused { status: 412, .. })) if attempt > 0 || resumed => break,
            Err((next, failure)) if next == Next::GiveUp || attempt + 1 >= TRIES => return Err(failure),
            Err((next, _)) => {
                sent.take_back();
                pause(attempt, None).await;
                if next == Next::SignAgain {
                    upload = (*api.post(&format!("/uploads/{id}/sign"), &json!({})).await?).clone();
                }
            }
        }
    }
    bar.finish();
    api.get(&format!("/files/{id}")).await
}
