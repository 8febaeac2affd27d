//! The stores behind the API: an owner's records and objects, and the queues.

mod objects;
mod queues;
mod records;

pub use records::{Item, Usage, status, text};

use std::ops::Deref;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::SdkConfig;
use aws_types::region::Region;
use files_domain::OwnerId;
use files_records::{ClientRecords, Keys, Records};

use crate::deployment::NEEDS_LOCAL_CLOUD;
use crate::ready::Ready;

/// One owner's part of the stores, accessed with the operator's keys.
#[derive(Clone, Debug)]
pub struct Backend {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// The files table.
    pub table: String,
    /// The keys table.
    pub keys_table: String,
    /// The bucket.
    pub bucket: String,
    /// The owner.
    pub owner: OwnerId,
}

/// The stores of a local cloud; those of a deployment are not accessible.
#[derive(Clone, Debug)]
pub struct LocalBackend(pub(crate) Option<Backend>);

impl Deref for LocalBackend {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        self.0.as_ref().expect(NEEDS_LOCAL_CLOUD)
    }
}

impl Backend {
    pub(crate) fn new(ready: &Ready, owner: &str) -> Self {
        let config = |endpoint: &str| config(ready, endpoint);
        let s3 = aws_sdk_s3::config::Builder::from(&config(&ready.s3)).force_path_style(true).build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config(&ready.dynamodb)),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(&config(&ready.sqs)),
            lambda: aws_sdk_lambda::Client::new(&config(&ready.lambda)),
            table: ready.table().to_owned(),
            keys_table: ready.keys_table().to_owned(),
            bucket: ready.bucket().to_owned(),
            owner: OwnerId::named(owner),
        }
    }

    /// Returns the records as the functions access them.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(self.dynamodb.clone(), &self.table)
    }

    /// Returns the records as the API's clients access them.
    #[must_use]
    pub fn client_records(&self) -> ClientRecords {
        ClientRecords::new(self.records(), self.keys())
    }

    /// Returns the API keys as the functions access them.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(self.dynamodb.clone(), &self.keys_table)
    }
}

fn config(ready: &Ready, endpoint: &str) -> SdkConfig {
    let credentials =
        Credentials::new(&ready.access_key_id, &ready.secret_access_key, None, None, "ready.json");
    let http = aws_smithy_http_client::Builder::new().build_http();
    SdkConfig::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(Region::new(ready.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .timeout_config(
            aws_sdk_s3::config::timeout::TimeoutConfig::builder()
                .operation_timeout(Duration::from_secs(60))
                .build(),
        )
        .build()
}
