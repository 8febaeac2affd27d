//! Initialises Lambda functions: reads settings, starts logging, creates AWS clients, and opens connections during Lambda's init
//! phase.

mod announce;
mod aws;
mod backoff;
mod clock;
mod connections;
mod contention;
mod download;
mod events;
mod https;
mod invoke;
mod logging;
mod loopback;
mod metrics;
mod settings;
mod xray;

pub use announce::announce_events;
pub use aws::{Aws, AwsEndpoints};
pub use clock::now;
pub use download::{DownloadError, Downloads};
pub use events::{EventHandler, each_message, serve_events};
pub use invoke::{InvokeError, invoke};
pub use metrics::{MetricUnit, publish_metric};
pub use settings::{SettingError, number, optional, owner_limits, required};
pub use xray::trace_file;

use std::time::Duration;

use files_objects::Objects;
use files_queues::{DeliveryMessage, ImportMessage, Queue, StoredObject};
use files_records::{ClientRecords, Keys, Records};

/// The timeout for opening connections during the init phase. After it, the first request opens them.
const MAX_WARM_UP: Duration = Duration::from_secs(1);

/// The variable with the name of the event bus.
const EVENT_BUS: &str = "FILES_EVENT_BUS";

/// The initialisation of a function.
#[derive(Debug)]
pub struct Startup {
    aws: Aws,
}

impl Startup {
    /// Starts logging, and reads the region and credentials from the environment.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if one of them is not set.
    pub fn begin() -> Result<Self, SettingError> {
        logging::start();
        Ok(Self { aws: Aws::from_environment()? })
    }

    /// Returns the records in the table that `FILES_TABLE` names.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if a variable is not set.
    pub fn records(&self) -> Result<Records, SettingError> {
        Ok(Records::new(self.aws.dynamodb(), required("FILES_TABLE", "the table's name")?))
    }

    /// Returns the records for clients of the API. Their keys are in the table that `FILES_KEYS_TABLE` names. If `FILES_EVENT_BUS`
    /// names a bus, the end and the deletion of every file is an event.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if a variable is not set.
    pub fn client_records(&self) -> Result<ClientRecords, SettingError> {
        let records = self.records()?;
        let keys = self.keys()?.with_rate_limits(&records).with_key_uses(&records);
        let records = ClientRecords::new(records, keys);
        Ok(if optional(EVENT_BUS).is_some() { records.with_all_events() } else { records })
    }

    /// Returns the API keys and owners' limits in the table that `FILES_KEYS_TABLE` names, with `FILES_OWNER_LIMITS` as the
    /// limits of owners that have none of their own.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if a variable is not set, [`SettingError::Wrong`] if it cannot be read.
    pub fn keys(&self) -> Result<Keys, SettingError> {
        let table = required("FILES_KEYS_TABLE", "the name of the keys table")?;
        Ok(Keys::new(self.aws.dynamodb(), table).with_default_limits(owner_limits()?))
    }

    /// Returns the objects in the bucket that `FILES_BUCKET` names.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if a variable is not set.
    pub fn objects(&self) -> Result<Objects, SettingError> {
        Ok(Objects::new(self.aws.s3(), required("FILES_BUCKET", "the bucket's name")?))
    }

    /// Returns the import queue at the URL in `FILES_IMPORT_QUEUE_URL`.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if a variable is not set.
    pub fn import_queue(&self) -> Result<Queue<ImportMessage>, SettingError> {
        Ok(Queue::new(self.aws.sqs(), required("FILES_IMPORT_QUEUE_URL", "a queue's URL")?))
    }

    /// Returns the probe queue at the URL in `FILES_PROBE_QUEUE_URL`.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if a variable is not set.
    pub fn probe_queue(&self) -> Result<Queue<StoredObject>, SettingError> {
        Ok(Queue::new(self.aws.sqs(), required("FILES_PROBE_QUEUE_URL", "a queue's URL")?))
    }

    /// Returns the queue that `FILES_DELIVERY_QUEUE_URL` names.
    ///
    /// # Errors
    /// [`SettingError::Missing`].
    pub fn delivery_queue(&self) -> Result<Queue<DeliveryMessage>, SettingError> {
        Ok(Queue::new(self.aws.sqs(), required("FILES_DELIVERY_QUEUE_URL", "a queue's URL")?))
    }

    /// Returns a Lambda client and the function name in `FILES_RESOLVE_FUNCTION`, or `None` if it is not set: then web pages are
    /// not resolved.
    #[must_use]
    pub fn page_function(&self) -> Option<(aws_sdk_lambda::Client, String)> {
        optional("FILES_RESOLVE_FUNCTION").map(|name| (self.aws.lambda(), name))
    }

    /// Creates a Lambda client.
    #[must_use]
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        self.aws.lambda()
    }

    /// Returns the bus that `FILES_EVENT_BUS` names, with a client for it; `None`: events go to webhooks only.
    #[must_use]
    pub fn event_bus(&self) -> Option<(aws_sdk_eventbridge::Client, String)> {
        optional(EVENT_BUS).map(|name| (self.aws.eventbridge(), name))
    }

    /// Creates a client for presigned URLs.
    #[must_use]
    pub fn downloads(&self) -> Downloads {
        self.aws.downloads()
    }

    /// Opens `count` connections to Lambda, with the timeout of [`connect_to_dynamodb`](Self::connect_to_dynamodb).
    pub async fn connect_to_lambda(&self, count: usize) {
        in_time(self.aws.connect_to_lambda(count)).await;
    }

    /// Opens `count` connections to DynamoDB for the first request. Stops after a second. Ignores errors, because the request
    /// will report them.
    pub async fn connect_to_dynamodb(&self, count: usize) {
        in_time(self.aws.connect_to_dynamodb(count)).await;
    }

    /// Opens connections to DynamoDB and to the bucket that `FILES_BUCKET` names, concurrently. Separate from
    /// [`connect_to_dynamodb`](Self::connect_to_dynamodb), so that functions without S3 do not link the S3 client.
    pub async fn connect_to_dynamodb_and_s3(&self, dynamodb: usize, s3: usize) {
        let Some(bucket) = optional("FILES_BUCKET") else { return self.connect_to_dynamodb(dynamodb).await };
        in_time(async {
            tokio::join!(self.aws.connect_to_dynamodb(dynamodb), self.aws.connect_to_s3(s3, &bucket))
        })
        .await;
    }
}

async fn in_time(connecting: impl Future) {
    if tokio::time::timeout(MAX_WARM_UP, connecting).await.is_err() {
        tracing::info!("opening connections during init timed out");
    }
}
