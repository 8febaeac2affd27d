use std::sync::Arc;

use files_domain::BoxError;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Handles the events of one function that is not behind the API.
pub trait EventHandler: Send + Sync + 'static {
    /// The payload of an event.
    type Event: DeserializeOwned + Send;
    /// What the function returns to Lambda.
    type Response: Serialize + Send;

    /// Handles one event. Lambda counts an error, and delivers the event again as its source does.
    fn handle(
        &self,
        event: LambdaEvent<Self::Event>,
    ) -> impl Future<Output = Result<Self::Response, BoxError>> + Send;
}

/// Serves events until Lambda ends the process.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn serve_events<H: EventHandler>(handler: H) -> Result<(), Error> {
    let handler = Arc::new(handler);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<H::Event>| {
        let handler = Arc::clone(&handler);
        async move { handler.handle(event).await }
    }))
    .await
}
