//! A client that tries again what failed on the other side, as all should.

use std::time::Duration;

use bytes::Bytes;
use files_tests::parts::slice;
use files_tests::{Answer, Owner};
use reqwest::RequestBuilder;
use serde_json::Value;

/// Tries of one request, and the pause before the second one.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Sends a request until it is answered with something that another try would not change. `None`: it never was.
pub(crate) async fn persist(request: impl Fn() -> RequestBuilder) -> Option<Answer> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..TRIES {
        match attempt(request()).await {
            Some(answer) if !is_passing(&answer) => return Some(answer),
            _ => tokio::time::sleep(pause).await, // back-off between two tries, not a wait for an event
        }
        pause *= 2;
    }
    None
}

/// The answer, unless the connection broke.
async fn attempt(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.ok()?;
    Some(Answer { status, headers, body })
}

/// Ours while they fail or are busy, and S3's when another request is at the same key.
fn is_passing(answer: &Answer) -> bool {
    let conflict = || String::from_utf8_lossy(&answer.body).contains("ConditionalRequestConflict");
    answer.status >= 500 || answer.status == 429 || (answer.status == 409 && conflict())
}

/// PUTs the bytes of a presigned upload. Whether S3 has them; a second PUT of a file is refused because it has.
pub(crate) async fn put(owner: &Owner, file: &Value, bytes: &Bytes) -> bool {
    let upload = &file["upload"];
    let url = upload["url"].as_str().expect("a URL");
    let request =
        || {
            let request = owner.bare_request(http::Method::PUT, url).body(bytes.clone());
            upload["headers"].as_object().expect("headers").iter().fold(request, |request, (name, value)| {
                request.header(name, value.as_str().expect("a header"))
            })
        };
    persist(request).await.is_some_and(|answer| match answer.status {
        200 | 412 => true,
        status => panic!("PUT {url}: {status} {}", String::from_utf8_lossy(&answer.body)),
    })
}

/// Has one part signed and PUTs it. Whether S3 has it; what the API said if it refuses.
pub(crate) async fn put_part(
    owner: &Owner,
    file: &Value,
    bytes: &Bytes,
    number: u32,
) -> Result<bool, Answer> {
    let Some(signed) = persist(|| owner.sign_parts_of(file, &[number])).await else { return Ok(false) };
    if signed.status != 200 {
        return Err(signed);
    }
    let (part, bytes) = (&signed.json()["parts"][0], slice(file, bytes, number));
    let url = part["url"].as_str().expect("a URL");
    let put = persist(|| owner.bare_request(http::Method::PUT, url).body(bytes.clone())).await;
    Ok(put.is_some_and(|answer| answer.status == 200))
}

/// The bytes that a file's download leads to; what came instead if they cannot be had.
pub(crate) async fn download(owner: &Owner, file: &Value) -> Result<Bytes, String> {
    let redirect = persist(|| owner.request(http::Method::GET, Owner::download_url(file))).await;
    let redirect = redirect.ok_or("no answer")?;
    let told = || format!("{} {}", redirect.status, String::from_utf8_lossy(&redirect.body));
    let location = redirect.header("location").ok_or_else(told)?;
    let object = persist(|| owner.bare_request(http::Method::GET, location)).await.ok_or("no object")?;
    if object.status == 200 { Ok(object.body) } else { Err(format!("{} of the object", object.status)) }
}
