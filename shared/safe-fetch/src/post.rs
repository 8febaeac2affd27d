//! POST requests of which only the status of the response is used.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderMap, RETRY_AFTER};

use crate::failure::request_error;
use crate::ranges::retry_after;
use crate::{FetchError, SafeClient, SourceUrl};

/// Maximum number of bytes of a response's body that are read. The body is not used, and may be endless.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The response to a POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status, also of a redirect, since redirects are not followed.
    pub status: u16,
    /// The delay in the receiver's `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl SafeClient {
    /// Sends `body` by a POST, to public addresses and allowed hosts only, like all requests. Does not follow redirects. Reads at most
    /// 64 KiB of the response's body, and ignores a truncated body.
    ///
    /// # Errors
    /// [`FetchError`]: the head of a response was not complete within `timeout`, or the URL or its address is not allowed.
    pub async fn post(
        &self,
        url: &SourceUrl,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Posted, FetchError> {
        // Checked again, since the URL may have been parsed with other allowed hosts.
        let url = SourceUrl::check(url.url().clone(), self.allowed())?;
        let end = tokio::time::Instant::now() + timeout;
        let request = self.http().post(url.url().clone()).headers(headers).body(body).send();
        let response = tokio::time::timeout_at(end, request).await.map_err(|_| FetchError::Timeout)?;
        let mut response = response.map_err(request_error)?;
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let posted = Posted {
            status: response.status().as_u16(),
            retry_after: wait.and_then(|wait| retry_after(wait, SystemTime::now())),
        };
        let read = async {
            let mut received = 0;
            while received < MAX_BODY_BYTES
                && let Ok(Some(chunk)) = response.chunk().await
            {
                received += chunk.len();
            }
        };
        let _ = tokio::time::timeout_at(end, read).await; // only the status matters
        Ok(posted)
    }
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
