use std::sync::Arc;

use files_domain::BoxError;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::xray::trace_fault;

/// A handler for the events of a function that does not serve the API.
pub trait EventHandler: Send + Sync + 'static {
    /// The payload of an event.
    type Event: DeserializeOwned + Send;
    /// The response of the function.
    type Response: Serialize + Send;

    /// Handles one event. An error fails the invocation: Lambda counts it, and the event source determines whether the event is
    /// delivered again.
    fn handle(
        &self,
        event: LambdaEvent<Self::Event>,
    ) -> impl Future<Output = Result<Self::Response, BoxError>> + Send;
}

/// Handles events until Lambda ends the process.
///
/// # Errors
/// An error of the Runtime API, if it cannot be reached.
pub async fn serve_events<H: EventHandler>(handler: H) -> Result<(), Error> {
    let handler = Arc::new(handler);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<H::Event>| {
        let handler = Arc::clone(&handler);
        async move { handler.handle(event).await.inspect_err(|_| trace_fault()) }
    }))
    .await
}
