//! The client of the function `probe-record`.

use aws_sdk_lambda::Client;
use lambda_startup::invoke;
use probe_protocol::{ProbeReport, ProbeRequest, ProbeResponse};

/// The error of an invocation of `probe-record`.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function has no response.
    #[error("probe-record: {0}")]
    Invoke(lambda_startup::InvokeError),
    /// The request cannot be serialized.
    #[error("the request to probe-record cannot be serialized: {0}")]
    Request(serde_json::Error),
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
        match self.send(&ProbeRequest::Begin { key: key.to_owned() }).await? {
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
        match self.send(&ProbeRequest::Finish(Box::new(report))).await? {
            ProbeResponse::Saved | ProbeResponse::NothingToDo => Ok(()),
            ProbeResponse::Probe { .. } => Err(InvokeError::Response),
        }
    }

    async fn send(&self, request: &ProbeRequest) -> Result<ProbeResponse, InvokeError> {
        let payload = serde_json::to_vec(request).map_err(InvokeError::Request)?;
        let response =
            invoke(&self.client, &self.function, payload, None).await.map_err(InvokeError::Invoke)?;
        serde_json::from_slice(&response).map_err(|_| InvokeError::Response)
    }
}
