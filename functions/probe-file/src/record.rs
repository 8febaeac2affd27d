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

/// Upper bound of the first backoff after Lambda has throttled an invocation, in addition to the SDK's retries. In an account
/// with few concurrent executions, `probe-file` uses up those of `probe-record`, so it must not retry immediately.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Most retries. The bound of the backoff doubles with each one.
const MAX_PAUSES: u32 = 5;

/// The error of an invocation of `probe-record`.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function could not be invoked.
    #[error("probe-record could not be invoked: {0}")]
    Invoke(String),
    /// The function failed with this type of error.
    #[error("probe-record failed: {0}")]
    Failed(String),
    /// The response does not match the request.
    #[error("the response of probe-record does not match the request")]
    Response,
}

/// An object to probe.
#[derive(Debug)]
pub(crate) struct Readable {
    /// A presigned GET.
    pub(crate) url: String,
    /// The extension of the file's name, in lower case.
    pub(crate) extension: Option<String>,
    /// Whether the file awaited its single PUT. The report repeats the value.
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

    /// Requests a presigned GET of an object. Returns `None` if the object is not to be probed.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub(crate) async fn begin(&self, key: &str) -> Result<Option<Readable>, InvokeError> {
        match self.ask(&ProbeRequest::Begin { key: key.to_owned() }).await? {
            ProbeResponse::Probe { url, extension, ends_upload } => {
                Ok(Some(Readable { url, extension, ends_upload }))
            }
            ProbeResponse::NothingToDo => Ok(None),
            ProbeResponse::Saved => Err(InvokeError::Response),
        }
    }

    /// Sends a report.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub(crate) async fn finish(&self, report: ProbeReport) -> Result<(), InvokeError> {
        match self.ask(&ProbeRequest::Finish(Box::new(report))).await? {
            ProbeResponse::Saved | ProbeResponse::NothingToDo => Ok(()),
            ProbeResponse::Probe { .. } => Err(InvokeError::Response),
        }
    }

    async fn ask(&self, request: &ProbeRequest) -> Result<ProbeResponse, InvokeError> {
        let payload = serde_json::to_vec(request).map_err(|error| InvokeError::Invoke(error.to_string()))?;
        let output = self.invoke(Blob::new(payload)).await?;
        let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
        match output.function_error {
            Some(_) => Err(InvokeError::Failed(kind_of_error(&payload))),
            None => serde_json::from_slice(&payload).map_err(|_| InvokeError::Response),
        }
    }

    async fn invoke(&self, payload: Blob) -> Result<InvokeOutput, InvokeError> {
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
                return Err(InvokeError::Invoke(DisplayErrorContext(&error).to_string()));
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
