use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use files_domain::BoxError;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::error;

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

/// Handles the body of each message, one after the other. A failure does not keep the others from being handled.
///
/// # Errors
/// The last failure. Lambda then counts an error of the function, unlike a batch item failure, and SQS delivers all messages of the
/// event again (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
pub async fn each_message<F: Future<Output = Result<(), BoxError>>>(
    messages: Vec<SqsMessage>,
    handle: impl Fn(String) -> F,
) -> Result<(), BoxError> {
    let mut failure = None;
    for message in messages {
        if let Err(cause) = handle(message.body.unwrap_or_default()).await {
            error!(
                cause = cause.as_ref() as &dyn std::error::Error,
                "handling a message failed, SQS delivers it again"
            );
            failure = Some(cause);
        }
    }
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn a_failure_is_returned_after_all_messages_are_handled() {
        let message = |body: &str| {
            let mut message = SqsMessage::default();
            message.body = Some(body.to_owned());
            message
        };
        let seen = Mutex::new(Vec::new());
        let handle = async |body: String| {
            let is_bad = body.starts_with("bad");
            seen.lock().expect("bodies").push(body.clone());
            if is_bad { Err(BoxError::from(body)) } else { Ok(()) }
        };
        let bodies = ["a", "bad 1", "", "bad 2", "b"];
        let failed = each_message(bodies.map(message).into(), handle).await.unwrap_err();
        assert_eq!(failed.to_string(), "bad 2");
        assert_eq!(*seen.lock().expect("bodies"), bodies);
        assert!(each_message(vec![message("a"), SqsMessage::default()], handle).await.is_ok());
        assert!(each_message(Vec::new(), handle).await.is_ok());
    }
}
