//! Invocations of other Lambda functions.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use tokio::time::sleep;

use crate::backoff::full_jitter;

/// Upper bound of the first backoff after Lambda has throttled an invocation, in addition to the SDK's retries. In an account with few
/// concurrent executions, the caller uses up those of the function that it invokes, so it must not retry immediately.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// Maximum number of retries. The bound of the backoff doubles with each one.
const MAX_RETRIES: u32 = 5;
/// Longest type of an error in a message.
const MAX_TYPE_CHARS: usize = 128;

/// The error of an invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function could not be invoked, for this reason.
    #[error("the function could not be invoked: {0}")]
    Invoke(String),
    /// The function failed with this type of error.
    #[error("the function failed: {0}")]
    Failed(String),
}

/// Invokes a function with `payload`, and returns the payload of its response. Retries a throttled invocation up to 5 times with full
/// jitter. `config` replaces settings of the client.
///
/// See <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.
///
/// # Errors
/// [`InvokeError::Invoke`] if Lambda did not run the function, or still throttles it; [`InvokeError::Failed`] if the function failed.
pub async fn invoke(
    client: &Client,
    function: &str,
    payload: Vec<u8>,
    config: Option<Builder>,
) -> Result<Vec<u8>, InvokeError> {
    let payload = Blob::new(payload);
    let mut retries = 0;
    let output = loop {
        let call = client.invoke().function_name(function).payload(payload.clone()).customize();
        let call = match config.clone() {
            Some(config) => call.config_override(config),
            None => call,
        };
        let error = match call.send().await {
            Ok(output) => break output,
            Err(error) => error,
        };
        let is_throttled =
            error.as_service_error().is_some_and(|error| error.is_too_many_requests_exception());
        if !is_throttled || retries == MAX_RETRIES {
            return Err(InvokeError::Invoke(DisplayErrorContext(&error).to_string()));
        }
        sleep(full_jitter(FIRST_BACKOFF, retries)).await;
        retries += 1;
    };
    let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
    match output.function_error {
        Some(_) => Err(InvokeError::Failed(error_type(&payload))),
        None => Ok(payload),
    }
}

/// Returns the type of the error of a failed invocation, without its message, which may contain a URL.
fn error_type(payload: &[u8]) -> String {
    let error: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    error["errorType"].as_str().unwrap_or("no type").chars().take(MAX_TYPE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_its_type_without_its_message() {
        for (payload, expected) in [
            (&br#"{"errorType": "MuxError", "errorMessage": "https://x"}"#[..], "MuxError"),
            (b"{}", "no type"),
            (b"https://x", "no type"),
        ] {
            assert_eq!(error_type(payload), expected);
        }
    }
}
