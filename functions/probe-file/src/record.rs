//! The client of the function `probe-record`.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use lambda_startup::full_jitter;
use probe_protocol::{ProbeReport, ProbeRequest, ProbeResponse};
use serde_json::Value;
use tokio::time::sleep;

/// Longest first pause after Lambda has throttled an invocation, beyond the SDK's own retries. In an account with few
/// concurrent executions, invocations of `probe-file` take the room of those of `probe-record` and must not retry at once.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Most pauses; the bound doubles with each one.
const MAX_PAUSES: u32 = 5;

/// Says why `probe-record` gave no response.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It could not be invoked.
    #[error("probe-record could not be invoked: {0}")]
    Invoke(String),
    /// It failed with this type of error.
    #[error("probe-record failed: {0}")]
    Failed(String),
    /// Its response does not fit the request.
    #[error("the response of probe-record does not fit the request")]
    Response,
}

/// An object that is to be probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToProbe {
    /// A presigned GET of the object.
    pub(crate) url: String,
    /// What the report repeats.
    pub(crate) ends_upload: bool,
}

/// A client of the function `probe-record`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ProbeRecord {
    client: Client,
    function: String,
}

impl ProbeRecord {
    /// Returns a client of the function with this name.
    #[must_use]
    pub fn new(client: Client, function: impl Into<String>) -> Self {
        Self { client, function: function.into() }
    }

    /// Asks for a URL to read an object. Returns `None` if there is nothing to probe.
    ///
    /// # Errors
    /// [`AskError`].
    pub(crate) async fn begin(&self, key: &str) -> Result<Option<ToProbe>, AskError> {
        match self.ask(&ProbeRequest::Begin { key: key.to_owned() }).await? {
            ProbeResponse::Probe { url, ends_upload } => Ok(Some(ToProbe { url, ends_upload })),
            ProbeResponse::NothingToDo => Ok(None),
            ProbeResponse::Saved => Err(AskError::Response),
        }
    }

    /// Sends a report.
    ///
    /// # Errors
    /// [`AskError`].
    pub(crate) async fn finish(&self, report: ProbeReport) -> Result<(), AskError> {
        match self.ask(&ProbeRequest::Finish(Box::new(report))).await? {
            ProbeResponse::Saved | ProbeResponse::NothingToDo => Ok(()),
            ProbeResponse::Probe { .. } => Err(AskError::Response),
        }
    }

    async fn ask(&self, request: &ProbeRequest) -> Result<ProbeResponse, AskError> {
        let payload = serde_json::to_vec(request).map_err(|error| AskError::Invoke(error.to_string()))?;
        let output = self.invoke(Blob::new(payload)).await?;
        let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
        match output.function_error {
            Some(_) => Err(AskError::Failed(kind_of_error(&payload))),
            None => serde_json::from_slice(&payload).map_err(|_| AskError::Response),
        }
    }

    async fn invoke(&self, payload: Blob) -> Result<InvokeOutput, AskError> {
        let mut pauses = 0;
        loop {
            let sent =
                self.client.invoke().function_name(&self.function).payload(payload.clone()).send().await;
            let error = match sent {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            let throttled =
                error.as_service_error().is_some_and(|error| error.is_too_many_requests_exception());
            if !throttled || pauses == MAX_PAUSES {
                return Err(AskError::Invoke(DisplayErrorContext(&error).to_string()));
            }
            sleep(full_jitter(FIRST_PAUSE, pauses)).await;
            pauses += 1;
        }
    }
}

/// Returns the type of the error of a failed invocation, without its text.
fn kind_of_error(payload: &[u8]) -> String {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    error["errorType"].as_str().unwrap_or("no type").chars().take(128).collect()
}
