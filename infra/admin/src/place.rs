use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use clap::Args;
use files_objects::Objects;
use files_queues::{Queue, StoredObject};
use files_records::{Keys, Records};
use serde::Deserialize;

const NAME_FILES_TABLE: &str = "--table NAME or set FILES_TABLE: the stack's output Table";
const LOCAL_READY: &str = ".local/ready.json";

/// The deployment to connect to.
#[derive(Debug, Args)]
pub(crate) struct PlaceOptions {
    /// The local cloud's `ready.json`; `.local/ready.json` is the default if it exists.
    #[arg(long, env = "FILES_READY", global = true, value_name = "FILE")]
    ready: Option<PathBuf>,
    /// The files table in AWS: the stack's output `Table`. The local cloud is then ignored.
    #[arg(long, env = "FILES_TABLE", global = true, value_name = "NAME", conflicts_with = "ready")]
    table: Option<String>,
    /// The keys table in AWS: the stack's output `KeysTable`. The local cloud is then ignored.
    #[arg(long, env = "FILES_KEYS_TABLE", global = true, value_name = "NAME", conflicts_with = "ready")]
    keys_table: Option<String>,
    /// The queue of probes in AWS: the stack's output `ProbeQueueUrl`.
    #[arg(long, env = "FILES_PROBE_QUEUE_URL", global = true, value_name = "URL")]
    probe_queue: Option<String>,
    /// The bucket in AWS: the stack's output `Bucket`.
    #[arg(long, env = "FILES_BUCKET", global = true, value_name = "NAME")]
    bucket: Option<String>,
}

#[derive(Deserialize)]
struct Ready {
    dynamodb: String,
    s3: String,
    sqs: String,
    /// The value of `!Ref` of a resource, by its logical id.
    resources: BTreeMap<String, String>,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

/// The queue of probes of objects in a bucket.
pub(crate) struct ProbeQueue {
    pub(crate) queue: Queue<StoredObject>,
    pub(crate) bucket: String,
}

impl PlaceOptions {
    /// Opens the records.
    ///
    /// # Errors
    /// Neither a local cloud runs nor is the files table named.
    pub(crate) async fn records(&self) -> Result<Records> {
        match (self.local()?, &self.table) {
            (Some(ready), _) => Ok(Records::new(ready.dynamodb(), ready.resource("FilesTable")?)),
            (None, Some(table)) => Ok(Records::new(Client::new(&aws().await), table)),
            (None, None) => Err(nowhere(NAME_FILES_TABLE)),
        }
    }

    /// Returns the files table's name.
    ///
    /// # Errors
    /// Neither a local cloud runs nor is the files table named.
    pub(crate) fn files_table(&self) -> Result<String> {
        match self.local()? {
            Some(ready) => ready.resource("FilesTable"),
            None => self.table.clone().ok_or_else(|| nowhere(NAME_FILES_TABLE)),
        }
    }

    /// Opens the API keys.
    ///
    /// # Errors
    /// Neither a local cloud runs nor is the keys table named.
    pub(crate) async fn keys(&self) -> Result<Keys> {
        match (self.local()?, &self.keys_table) {
            (Some(ready), _) => Ok(Keys::new(ready.dynamodb(), ready.resource("KeysTable")?)),
            (None, Some(table)) => Ok(Keys::new(Client::new(&aws().await), table)),
            (None, None) => {
                Err(nowhere("--keys-table NAME or set FILES_KEYS_TABLE: the stack's output KeysTable"))
            }
        }
    }

    /// Opens the queue of probes.
    pub(crate) async fn probe_queue(&self) -> Result<ProbeQueue> {
        if let Some(ready) = self.local()? {
            let client = aws_sdk_sqs::Client::new(&ready.config(&ready.sqs));
            let queue = Queue::new(client, ready.resource("ProbeQueue")?);
            return Ok(ProbeQueue { queue, bucket: ready.resource("FilesBucket")? });
        }
        let (Some(url), Some(bucket)) = (&self.probe_queue, &self.bucket) else {
            bail!(
                "for AWS, --probe-queue and --bucket are needed: the stack's outputs ProbeQueueUrl and Bucket"
            );
        };
        let queue = Queue::new(aws_sdk_sqs::Client::new(&aws().await), url);
        Ok(ProbeQueue { queue, bucket: bucket.clone() })
    }

    /// Returns the data folder of the local cloud, which need not run.
    ///
    /// # Errors
    /// A table in AWS is named.
    pub(crate) fn local_folder(&self) -> Result<PathBuf> {
        if self.table.is_some() || self.keys_table.is_some() {
            bail!(
                "on AWS, the audit is in CloudWatch Logs: infra/docs/deploy.md has queries for Logs Insights"
            );
        }
        let ready = self.ready.clone().unwrap_or_else(|| PathBuf::from(LOCAL_READY));
        Ok(ready.parent().map(PathBuf::from).unwrap_or_default())
    }

    /// Opens the objects.
    ///
    /// # Errors
    /// Neither a local cloud runs nor is the bucket named.
    pub(crate) async fn objects(&self) -> Result<Objects> {
        match (self.local()?, &self.bucket) {
            (Some(ready), _) => Ok(Objects::new(ready.s3(), ready.resource("FilesBucket")?)),
            (None, Some(bucket)) => Ok(Objects::new(aws_sdk_s3::Client::new(&aws().await), bucket)),
            (None, None) => bail!("for AWS, --bucket is needed: the stack's output Bucket"),
        }
    }

    /// Reads the local cloud's `ready.json`, if the local cloud is selected.
    fn local(&self) -> Result<Option<Ready>> {
        let in_aws = self.table.is_some() || self.keys_table.is_some();
        let found = Some(PathBuf::from(LOCAL_READY)).filter(|path| !in_aws && path.exists());
        let Some(path) = self.ready.clone().or(found) else { return Ok(None) };
        let text = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let ready = serde_json::from_slice(&text);
        Ok(Some(ready.with_context(|| format!("{} is not a ready.json", path.display()))?))
    }
}

impl Ready {
    fn dynamodb(&self) -> Client {
        Client::new(&self.config(&self.dynamodb))
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config(&self.s3)).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// Returns the name of a resource, or a queue's URL.
    fn resource(&self, logical_id: &str) -> Result<String> {
        let found = self.resources.get(logical_id).cloned();
        found.with_context(|| format!("the local cloud runs no {logical_id}"))
    }

    fn config(&self, endpoint: &str) -> SdkConfig {
        let keys = Credentials::new(&self.access_key_id, &self.secret_access_key, None, None, "ready.json");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http_client())
            .endpoint_url(endpoint)
            .build()
    }
}

fn nowhere(name_it: &str) -> anyhow::Error {
    anyhow!(
        "no local cloud is running ({LOCAL_READY} is not there and FILES_READY is not set), and no table is named for \
         AWS: give {name_it}"
    )
}

fn http_client() -> aws_sdk_dynamodb::config::SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Loads the operator's own profile, single sign-on or role.
async fn aws() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await
}
