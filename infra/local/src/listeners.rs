//! The ports of the API and of the services, all on 127.0.0.1.

use anyhow::{Context, Result};
use tokio::net::TcpListener;

use crate::data::DataFolder;
use crate::runtime::Endpoints;
use crate::services::ServiceListeners;

/// The listeners and their addresses.
pub(crate) struct Listeners {
    /// The API's listener.
    pub(crate) api: TcpListener,
    /// The listeners of DynamoDB, S3, SQS and EventBridge.
    pub(crate) services: ServiceListeners,
    /// Lambda's listener.
    pub(crate) lambda: TcpListener,
    /// The API's URL, without a path.
    pub(crate) api_url: String,
    /// The services' URLs.
    pub(crate) endpoints: Endpoints,
}

impl Listeners {
    /// Listens on `port` for the API, and on the last run's ports for the services.
    ///
    /// # Errors
    /// The port is in use, or no port is free.
    pub(crate) async fn bind(port: u16, data: &mut DataFolder) -> Result<Self> {
        let api = TcpListener::bind(("127.0.0.1", port)).await.with_context(|| {
            format!(
                "cannot listen on port {port} for the API; choose another with --port, or 0 for any free one"
            )
        })?;
        let (s3, dynamodb) = (data.listen("s3").await?, data.listen("dynamodb").await?);
        let (sqs, eventbridge) = (data.listen("sqs").await?, data.listen("eventbridge").await?);
        let services = ServiceListeners { s3, dynamodb, sqs, eventbridge };
        let lambda = data.listen("lambda").await?;
        let url = |listener: &TcpListener| anyhow::Ok(format!("http://{}", listener.local_addr()?));
        let endpoints = Endpoints { lambda: url(&lambda)?, ..services.endpoints()? };
        Ok(Self { api_url: url(&api)?, api, services, lambda, endpoints })
    }

    /// Returns all addresses.
    pub(crate) fn addresses(&self) -> [String; 6] {
        let Endpoints { s3, dynamodb, sqs, eventbridge, lambda } = self.endpoints.clone();
        [self.api_url.clone(), s3, dynamodb, sqs, eventbridge, lambda]
    }
}
