//! `ready.json`: addresses, names and keys of a running cloud, for clients, tests and scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Maximum time until a service first responds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The content of `ready.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Address of the API, without a path.
    pub api: String,
    /// Endpoint of S3.
    pub s3: String,
    /// Endpoint of DynamoDB.
    pub dynamodb: String,
    /// Endpoint of SQS.
    pub sqs: String,
    /// Endpoint of EventBridge.
    pub eventbridge: String,
    /// Endpoint of Lambda.
    pub lambda: String,
    /// The value of `!Ref` for each resource that runs here, by its logical id: the name of a table, a bucket or a function, the
    /// URL of a queue.
    pub resources: BTreeMap<String, String>,
    /// The region.
    pub region: String,
    /// The operator's access key id.
    pub access_key_id: String,
    /// The operator's secret access key.
    pub secret_access_key: String,
}

/// Waits until a service responds to a request, with any status.
///
/// # Errors
/// No response within 30 s.
pub(crate) async fn wait_for_response(address: &str) -> Result<()> {
    let response = tokio::time::timeout(RESPONSE_TIMEOUT, request(address)).await;
    response.map_err(anyhow::Error::from).flatten().with_context(|| format!("{address} does not respond"))
}

async fn request(address: &str) -> Result<()> {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET /_local/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 9];
    stream.read_exact(&mut start).await?;
    if &start != b"HTTP/1.1 " {
        bail!("the response is not HTTP/1.1");
    }
    Ok(())
}
