//! `ready.json` and what the terminal says when everything answers.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::log::Log;

/// How long everything may take to answer for the first time.
const LIMIT: Duration = Duration::from_secs(30);

/// The content of `ready.json`: all that a client, a test or `files-admin` needs.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Base address of the API, with `/v1`.
    pub api: String,
    /// An API key with all scopes.
    pub api_key: String,
    /// Endpoint of S3.
    pub s3: String,
    /// Endpoint of DynamoDB.
    pub dynamodb: String,
    /// Endpoint of SQS.
    pub sqs: String,
    /// Endpoint of Lambda.
    pub lambda: String,
    /// The queue through which probes are asked for again.
    pub probe_queue: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the files table.
    pub table: String,
    /// Name of the keys table.
    pub keys_table: String,
    /// The region.
    pub region: String,
    /// The operator's access key id.
    pub access_key_id: String,
    /// The operator's secret access key.
    pub secret_access_key: String,
}

impl Ready {
    /// Shows how to begin.
    pub fn show(&self, log: &Log) {
        let Self { api, api_key, .. } = self;
        let page = api.trim_end_matches("v1");
        for line in [
            String::new(),
            format!("  page  {page}"),
            format!("  API   {api}"),
            format!("  key   {api_key}"),
            String::new(),
            "  Try:".to_owned(),
            format!("    export FILES_URL={api} FILES_API_KEY={api_key}"),
            "    target/release/files upload video.mp4 --wait".to_owned(),
            "    curl -f -H \"X-API-KEY: $FILES_API_KEY\" $FILES_URL/files".to_owned(),
            "    url=$(target/release/files list --limit 1 --json | jq -r .download_url)".to_owned(),
            "    curl -fL -OJ -H \"X-API-KEY: $FILES_API_KEY\" \"$url\"".to_owned(),
            String::new(),
            "  Ctrl-C stops everything.".to_owned(),
            String::new(),
        ] {
            log.plain(&line);
        }
    }
}

/// Waits until a service answers a request, whatever it answers.
///
/// # Errors
/// It does not within half a minute.
pub async fn answers(address: &str) -> Result<()> {
    let asked = tokio::time::timeout(LIMIT, ask(address)).await;
    asked.map_err(anyhow::Error::from).flatten().with_context(|| format!("{address} does not answer"))
}

async fn ask(address: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await?;
    let host = address.trim_start_matches("http://");
    let request = format!("GET /_local/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 9];
    stream.read_exact(&mut start).await?;
    if &start != b"HTTP/1.1 " {
        bail!("it speaks something else than HTTP/1.1");
    }
    Ok(())
}
