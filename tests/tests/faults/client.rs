//! A client that retries failed requests.

use bytes::Bytes;
use files_tests::parts::slice;
use files_tests::{Owner, Response, retry};
use serde_json::Value;

/// Sends the bytes of a presigned upload. Returns whether S3 has them. A second PUT of a file is refused because S3 has the
/// first.
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
    retry(request).await.is_some_and(|response| match response.status {
        200 | 412 => true,
        status => panic!("PUT {url}: {status} {}", String::from_utf8_lossy(&response.body)),
    })
}

/// Signs and sends one part. Returns whether S3 has it, or the API's refusal.
pub(crate) async fn put_part(
    owner: &Owner,
    file: &Value,
    bytes: &Bytes,
    number: u32,
) -> Result<bool, Response> {
    let Some(signed) = retry(|| owner.sign_parts_of(file, &[number])).await else { return Ok(false) };
    if signed.status != 200 {
        return Err(signed);
    }
    let (part, bytes) = (&signed.json()["parts"][0], slice(file, bytes, number));
    let url = part["url"].as_str().expect("a URL");
    let put = retry(|| owner.bare_request(http::Method::PUT, url).body(bytes.clone())).await;
    Ok(put.is_some_and(|response| response.status == 200))
}

/// Downloads a file. Returns the bytes, or the reason why they are unavailable.
pub(crate) async fn download(owner: &Owner, file: &Value) -> Result<Bytes, String> {
    let redirect = retry(|| owner.request(http::Method::GET, Owner::download_url(file))).await;
    let redirect = redirect.ok_or("no response")?;
    let told = || format!("{} {}", redirect.status, String::from_utf8_lossy(&redirect.body));
    let location = redirect.header("location").ok_or_else(told)?;
    let object = retry(|| owner.bare_request(http::Method::GET, location)).await.ok_or("no object")?;
    if object.status == 200 { Ok(object.body) } else { Err(format!("{} of the object", object.status)) }
}
