//! Single-PUT uploads, with a SHA-256 that the storage verifies.

use reqwest::Method;
use serde_json::{Value, json};

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

/// Uploads a file and returns it. After an interruption, the same idempotency key returns the same file with a new URL.
pub(super) async fn send(
    api: &Api,
    local: &LocalFile,
    body: &Value,
    journal: &Journal,
    print: &Print,
) -> Result<Json, Failure> {
    let (mut file, mut resumed) = journal.create(api, body).await?;
    if resumed && file["status"] == "failed" {
        journal.remove();
        (file, resumed) = journal.create(api, body).await?;
    }
    let id = id_of(&file)?;
    let upload = file.take("upload");
    if upload.is_null() && resumed {
        skip(local, print);
    } else {
        let bar = print.bars.add(&local.name(), local.size, 0);
        put(api, local, &id, upload, resumed, &bar).await?;
        bar.finish();
    }
    let file = api.get(&format!("/files/{id}")).await?;
    match file["status"].as_str() {
        Some("failed") => {
            Err(Failure::FileFailed(file["error"].as_str().unwrap_or("the upload failed").to_owned()))
        }
        _ => Ok(file),
    }
}

/// Sends the bytes to the presigned URL. Requests a new URL if it may have expired.
async fn put(
    api: &Api,
    local: &LocalFile,
    id: &str,
    mut upload: Value,
    resumed: bool,
    bar: &Bar,
) -> Result<(), Failure> {
    for attempt in 0.. {
        let sent = Sent::on(bar);
        let url =
            upload["url"].as_str().ok_or_else(|| Failure::Response("an upload without a URL".to_owned()))?;
        let put = api.storage(Method::PUT, url, &upload["headers"]).header("content-length", local.size);
        let put = put.timeout(put_timeout(local.size)).body(local.body(0, local.size, sent.clone()).await?);
        match classify(put.send().await).await {
            Ok(()) => break,
            // An earlier attempt has stored the bytes, but its response was lost.
            Err((_, Failure::Refused { status: 412, .. })) if attempt > 0 || resumed => break,
            Err((next, failure)) if next == Next::GiveUp || attempt + 1 >= MAX_ATTEMPTS => {
                return Err(failure);
            }
            Err((next, _)) => {
                back_off(attempt, None).await;
                if next == Next::SignAndRetry {
                    upload = match api.post(&format!("/uploads/{id}/sign"), &json!({})).await {
                        Ok(signed) => (*signed).clone(),
                        Err(failure) if failure.has_reason("upload_over") => break, // the bytes of this attempt are stored
                        Err(failure) => return Err(failure),
                    };
                }
                sent.take_back();
            }
        }
    }
    Ok(())
}
