use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use clap::Args;
use files_records::Records;
use serde::Deserialize;

const LOCAL_READY: &str = ".local/ready.json";

/// Which table to work on.
#[derive(Debug, Args)]
pub(crate) struct TableOptions {
    /// The local cloud's `ready.json`; `.local/ready.json` is taken if it is there.
    #[arg(long, env = "FILES_READY", global = true, value_name = "FILE")]
    ready: Option<PathBuf>,
    /// The table in AWS: the stack's output `Table`. The local cloud is then left alone.
    #[arg(long, env = "FILES_TABLE", global = true, value_name = "NAME", conflicts_with = "ready")]
    table: Option<String>,
}

#[derive(Deserialize)]
struct Ready {
    dynamodb: String,
    table: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

impl TableOptions {
    /// Opens the records.
    pub(crate) async fn open(&self) -> Result<Records> {
        let local = Some(PathBuf::from(LOCAL_READY)).filter(|path| self.table.is_none() && path.exists());
        match (self.ready.clone().or(local), &self.table) {
            (Some(ready), _) => local_records(&ready),
            (None, Some(table)) => Ok(Records::new(aws_client().await, table)),
            (None, None) => bail!(
                "no local cloud is running ({LOCAL_READY} is not there and FILES_READY is not set), and no table is \
                 named for AWS: give --table NAME or set FILES_TABLE"
            ),
        }
    }
}

fn http_client() -> aws_sdk_dynamodb::config::SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn local_records(path: &Path) -> Result<Records> {
    let text = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let ready: Ready =
        serde_json::from_slice(&text).with_context(|| format!("{} is not a ready.json", path.display()))?;
    let keys = Credentials::new(ready.access_key_id, ready.secret_access_key, None, None, "ready.json");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(ready.region))
        .endpoint_url(ready.dynamodb)
        .credentials_provider(keys)
        .http_client(http_client())
        .build();
    Ok(Records::new(Client::from_conf(config), ready.table))
}

/// The operator's own profile, single sign-on or role.
async fn aws_client() -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await;
    Client::new(&config)
}
