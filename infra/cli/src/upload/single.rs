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
use crate::progress::Bar;
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
    let upload = file.take("upload");
    if upload.is_null() && resumed {
        bar.inc(local.size); // an earlier run has sent the bytes
    } else {
        put(api, local, &id, upload, resumed, &bar).await?;
    }
    bar.finish();
    let file = api.get(&format!("/files/{id}")).await?;
    match file["status"].as_str() {
        Some("failed") => {
            Err(Failure::FileFailed(file["error"].as_str().unwrap_or("the upload failed").to_owned()))
        }
        _ => Ok(file),
    }
}

/// Sends the bytes to the presigned URL, and has it signed again when it has expired.
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
            upload["url"].as_str().ok_or_else(|| Failure::Answer("an upload without a URL".to_owned()))?;
        let put = api.storage(Method::PUT, url, &upload["headers"]).header("content-length", local.size);
        let put = put.timeout(longest(local.size)).body(local.body(0, local.size, sent.clone()).await?);
        match judge(put.send().await).await {
            Ok(()) => break,
            // An earlier try has sent the bytes, and its response was lost.
            Err((_, Failure::Refused { status: 412, .. })) if attempt > 0 || resumed => break,
            Err((next, failure)) if next == Next::GiveUp || attempt + 1 >= TRIES => return Err(failure),
            Err((next, _)) => {
                pause(attempt, None).await;
                if next == Next::SignAgain {
                    upload = match api.post(&format!("/uploads/{id}/sign"), &json!({})).await {
                        Ok(signed) => (*signed).clone(),
                        Err(failure) if failure.is("upload_over") => break, // the bytes of this try are stored
                        Err(failure) => return Err(failure),
                    };
                }
                sent.take_back();
            }
        }
    }
    Ok(())
}
