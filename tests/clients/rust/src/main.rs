//! The main job with the client of progenitor.

#[allow(warnings, clippy::all, clippy::pedantic)]
mod client {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

use std::error::Error;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use client::Client;
use client::types::{
    CreateImport, CreateRequest, CreateUpload, FileDetail, FileStatus, ListFilesOrder, Upload,
};
use reqwest::header::{HeaderMap, HeaderValue};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Longest wait for a probe.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let video = std::fs::read(variable("FILES_VIDEO")?)?;
    let client = authenticated()?;

    let import: CreateImport =
        serde_json::from_value(serde_json::json!({"file_url": variable("FILES_SOURCE")?}))?;
    let imported = client.create_file(None, &CreateRequest::Import(import)).await?.into_inner();
    let imported = wait_for(&client, imported.id).await?;
    assert_eq!(imported.size, Some(i64::try_from(video.len())?));
    assert_eq!(imported.ffprobe.as_ref().and_then(|ffprobe| ffprobe.width), Some(320));

    let upload = CreateUpload {
        name: "put.mp4".parse()?,
        size: i64::try_from(video.len())?,
        checksum_sha256: None,
        content_type: None,
        expires_at: None,
        expires_in: None,
        metadata: None,
        multipart: false,
        webhook: None,
    };
    let created = client.create_file(None, &CreateRequest::Upload(upload)).await?.into_inner();
    let Some(Upload::PresignedPut(put)) = created.upload else { return Err("no presigned PUT".into()) };
    let request = reqwest::Client::new().put(&put.url).headers((&put.headers).try_into()?);
    request.body(video.clone()).send().await?.error_for_status()?;
    assert_eq!(wait_for(&client, created.id).await?.status, FileStatus::Success);

    let page = client.list_files(None, None, None, None, Some(ListFilesOrder::Asc), None, None, None).await?;
    let names: Vec<&str> = page.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["clip.mp4", "put.mp4"]);

    let name = imported.name.parse()?;
    let download = client.download_file(&imported.id, &name, None, None, Some(false)).await?;
    assert_eq!(reqwest::get(&download.url).await?.bytes().await?, video);
    for id in [imported.id, created.id] {
        client.delete_file(&id, None).await?;
    }
    match client.get_file(&imported.id, None, None).await {
        Err(client::Error::ErrorResponse(response)) => assert_eq!(response.status(), 404),
        other => return Err(format!("the deleted file is still there: {other:?}").into()),
    }
    Ok(())
}

fn authenticated() -> Outcome<Client> {
    let key = HeaderValue::from_str(&variable("FILES_API_KEY")?)?;
    let http =
        reqwest::Client::builder().default_headers(HeaderMap::from_iter([("x-api-key".parse()?, key)]));
    Ok(Client::new_with_client(&variable("FILES_ORIGIN")?, http.build()?))
}

async fn wait_for(client: &Client, id: Uuid) -> Outcome<FileDetail> {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        let file = client.get_file(&id, NonZeroU64::new(20), None).await?.into_inner();
        if matches!(file.status, FileStatus::Success | FileStatus::Failed) {
            return Ok(file);
        }
        tokio::time::sleep(Duration::from_millis(100)).await; // the interval of the poll: the loop has a deadline
    }
    Err(format!("{id} is not done").into())
}

fn variable(name: &str) -> Outcome<String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}
