//! One PUT, with a SHA-256 that the storage checks.

use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Next, judge, longest};
use crate::api::Api;
use crate::back_off::{TRIES, pause};
use crate::failure::Failure;
use crate::local_file::{LocalFile, Sent};
use crate::print::Print;
use crate::simple::id_of;

/// Uploads a file. As it then stands.
pub(super) async fn send(
    api: &Api,
    local: &LocalFile,
    mut request: Map<String, Value>,
    print: &Print,
) -> Result<Value, Failure> {
    request.insert("checksum_sha256".to_owned(), json!(local.sha256().await?));
    let mut file = api.create(&Value::Object(request), &Uuid::now_v7().to_string()).await?;
    let id = id_of(&file)?;
    let bar = print.progress(&local.name(), local.size, 0);
    let mut upload = file["upload"].take();
    for attempt in 0.. {
        let sent = Sent::on(&bar);
        let url =
            upload["url"].as_str().ok_or_else(|| Failure::Answer("an upload without a URL".to_owned()))?;
        let put = api.storage(Method::PUT, url, &upload["headers"]).header("content-length", local.size);
        let put = put.timeout(longest(local.size)).body(local.body(0, local.size, sent.clone()).await?);
        match judge(put.send().await).await {
            Ok(()) => break,
            // A try before has brought the bytes, and its answer was lost.
            Err((_, Failure::Refused { status: 412, .. })) if attempt > 0 => break,
            Err((next, failure)) if next == Next::GiveUp || attempt + 1 >= TRIES => return Err(failure),
            Err((next, _)) => {
                sent.take_back();
                pause(attempt, None).await;
                if next == Next::SignAgain {
                    upload = api.post(&format!("/uploads/{id}/sign"), &json!({})).await?;
                }
            }
        }
    }
    bar.finish_and_clear();
    api.get(&format!("/files/{id}")).await
}
