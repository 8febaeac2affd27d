use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::contention::{ConditionalRequestConflict, TransactionConflict};
use crate::download::Downloads;
use crate::https::Https;
use crate::loopback::TrailingChecksumOnLoopback;
use crate::settings::{SettingError, optional, required};
use crate::xray;

/// Returns the timeouts for calls that take milliseconds. A call on a connection that broke while Lambda froze the process fails
/// after 4 s, and its retry opens a new connection.
fn small_calls() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(4))
}

/// Returns the timeouts for calls with large bodies: 25 s until the response begins, which includes sending the body of a part.
fn large_calls() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().read_timeout(Duration::from_secs(25))
}

/// Returns the timeouts for invocations: the timeout of the invoked function (60 s) and a margin of 10 s.
fn invocations() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().operation_timeout(Duration::from_secs(70))
}

/// Adds the calls of a client to the trace, if tracing is on.
macro_rules! traced {
    ($config:expr) => {
        match xray::calls() {
            Some(calls) => $config.interceptor(calls),
            None => $config,
        }
    };
}

/// Creates AWS clients with the credentials that Lambda sets in the environment
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>). Reads no profile files, and makes no calls to get
/// credentials.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    https: Https,
    endpoints: AwsEndpoints,
}

/// Endpoint URLs per service. `None` selects the default endpoint of AWS.
#[derive(Clone, Debug, Default)]
pub struct AwsEndpoints {
    /// The endpoint of DynamoDB.
    pub dynamodb: Option<String>,
    /// The endpoint of S3.
    pub s3: Option<String>,
    /// The endpoint of SQS.
    pub sqs: Option<String>,
    /// The endpoint of Lambda.
    pub lambda: Option<String>,
    /// The endpoint of EventBridge.
    pub eventbridge: Option<String>,
}

impl AwsEndpoints {
    /// Reads the standard variables (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>).
    fn from_environment() -> Self {
        Self {
            dynamodb: optional("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: optional("AWS_ENDPOINT_URL_S3"),
            sqs: optional("AWS_ENDPOINT_URL_SQS"),
            lambda: optional("AWS_ENDPOINT_URL_LAMBDA"),
            eventbridge: optional("AWS_ENDPOINT_URL_EVENTBRIDGE"),
        }
    }
}

impl Aws {
    /// Reads the region, credentials and endpoints from the environment.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if the region or a key is not set.
    pub fn from_environment() -> Result<Self, SettingError> {
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID", "an access key id")?,
            required("AWS_SECRET_ACCESS_KEY", "a secret access key")?,
            optional("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let region = required("AWS_REGION", "a region")?;
        Ok(Self::new(region, credentials, AwsEndpoints::from_environment()))
    }

    /// Creates clients with this region, these credentials and these endpoints.
    #[must_use]
    pub fn new(region: String, credentials: Credentials, endpoints: AwsEndpoints) -> Self {
        let https = Https::new();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(https.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(aws_smithy_async::time::SystemTimeSource::new())
            .retry_config(
                RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)),
            );
        Self { config: config.build(), https, endpoints }
    }

    fn config_for(&self, endpoint: &Option<String>, timeouts: TimeoutConfigBuilder) -> SdkConfig {
        let mut builder = self.config.clone().into_builder();
        builder.set_timeout_config(Some(timeouts.build()));
        builder.set_endpoint_url(endpoint.clone());
        builder.build()
    }

    /// Creates a DynamoDB client.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = self.config_for(&self.endpoints.dynamodb, small_calls());
        let config = traced!(aws_sdk_dynamodb::config::Builder::from(&config));
        aws_sdk_dynamodb::Client::from_conf(config.retry_classifier(TransactionConflict).build())
    }

    /// Creates an S3 client.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config_for(&self.endpoints.s3, large_calls()));
        let config =
            config.interceptor(TrailingChecksumOnLoopback).retry_classifier(ConditionalRequestConflict);
        aws_sdk_s3::Client::from_conf(traced!(config).build())
    }

    /// Creates a Lambda client.
    #[must_use]
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        let config = self.config_for(&self.endpoints.lambda, invocations());
        let config = aws_sdk_lambda::config::Builder::from(&config);
        aws_sdk_lambda::Client::from_conf(traced!(config).build())
    }

    /// Creates an EventBridge client.
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let config = self.config_for(&self.endpoints.eventbridge, small_calls());
        let config = aws_sdk_eventbridge::config::Builder::from(&config);
        aws_sdk_eventbridge::Client::from_conf(traced!(config).build())
    }

    /// Opens `count` connections to DynamoDB for the first requests. Sends no request.
    pub(crate) async fn connect_to_dynamodb(&self, count: usize) {
        let config =
            only_connecting(&self.config_for(&self.endpoints.dynamodb, small_calls()), &self.https, count);
        let any = aws_sdk_dynamodb::types::AttributeValue::S("any".to_owned());
        let get = aws_sdk_dynamodb::Client::new(&config).get_item().table_name("any").key("pk", any);
        let _ = get.send().await; // always fails after connecting
    }

    /// Opens `count` connections to the host of a bucket. Sends no request.
    pub(crate) async fn connect_to_s3(&self, count: usize, bucket: &str) {
        let config = only_connecting(&self.config_for(&self.endpoints.s3, large_calls()), &self.https, count);
        let _ = aws_sdk_s3::Client::new(&config).head_object().bucket(bucket).key("any").send().await;
    }

    /// Creates a client for presigned URLs.
    #[must_use]
    pub fn downloads(&self) -> Downloads {
        Downloads::new(self.https.clone())
    }

    /// Opens `count` connections to Lambda. Sends no request.
    pub(crate) async fn connect_to_lambda(&self, count: usize) {
        let config =
            only_connecting(&self.config_for(&self.endpoints.lambda, invocations()), &self.https, count);
        let _ = aws_sdk_lambda::Client::new(&config).invoke().function_name("any").send().await;
    }

    /// Creates an SQS client.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::config::Builder::from(&self.config_for(&self.endpoints.sqs, small_calls()));
        aws_sdk_sqs::Client::from_conf(traced!(config).build())
    }
}

fn only_connecting(config: &SdkConfig, https: &Https, count: usize) -> SdkConfig {
    config.clone().into_builder().http_client(https.only_connecting(count)).build()
}
