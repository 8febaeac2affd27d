//! An answer whose body is being read.

use crate::client::interruption;
use crate::{FetchError, headers};
use bytes::Bytes;
use reqwest::Response;
use std::time::Duration;
use url::Url;

/// A source that answered 200: what it says of itself, and its bytes, one chunk at a time.
#[derive(Debug)]
#[non_exhaustive]
pub struct Source {
    /// The URL that answered, after all redirects.
    pub final_url: Url,
    /// The status of the answer: always 200.
    pub status: u16,
    /// The length of the body in bytes, if announced. Exactly so many come, or [`Source::next_chunk`] fails.
    pub length: Option<u64>,
    /// The media type without parameters, lower case (`video/mp4`), if the source named a valid one.
    pub content_type: Option<String>,
    /// The file's name as the source gave it in `Content-Disposition`, else the last segment of the path. Raw text:
    /// it may hold anything, clean it before use.
    pub file_name: Option<String>,
    resumable: bool,
    body: Body,
    stall_timeout: Duration,
    received: u64,
}

#[derive(Debug)]
enum Body {
    Open(Response),
    Ended,
    Failed(FetchError),
}

impl Source {
    pub(crate) fn new(final_url: Url, response: Response, stall_timeout: Duration) -> Source {
        Source {
            status: response.status().as_u16(),
            // Not the header itself: with chunked framing it does not count.
            length: response.content_length(),
            content_type: headers::content_type(response.headers()),
            file_name: headers::file_name(response.headers(), &final_url),
            resumable: headers::is_resumable(response.headers()),
            final_url,
            body: Body::Open(response),
            stall_timeout,
            received: 0,
        }
    }

    /// Whether it says that any part of it can be asked for, and how one version is told from the next.
    pub fn is_resumable(&self) -> bool {
        self.resumable && self.length.is_some()
    }

    /// The bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes, never empty, or `None` once the whole body has come. Bytes that are not asked for are not read:
    /// a slow caller slows the source down, it does not fill memory.
    ///
    /// # Errors
    /// [`FetchError::Stalled`] when nothing came for the stall timeout, [`FetchError::Truncated`] when the body ended
    /// early, [`FetchError::Interrupted`] when the connection broke. The same again on every later call.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let response = match &mut self.body {
            Body::Open(response) => response,
            Body::Ended => return Ok(None),
            Body::Failed(error) => return Err(error.clone()),
        };
        match read(response, self.stall_timeout).await.and_then(|chunk| self.count(chunk)) {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.body = Body::Ended;
                Ok(None)
            }
            Err(error) => {
                self.body = Body::Failed(error.clone());
                Err(error)
            }
        }
    }

    fn count(&mut self, chunk: Option<Bytes>) -> Result<Option<Bytes>, FetchError> {
        let Some(chunk) = chunk else {
            let is_short = self.length.is_some_and(|length| self.received < length);
            return if is_short { Err(FetchError::Truncated) } else { Ok(None) };
        };
        self.received += chunk.len() as u64;
        if self.length.is_some_and(|length| self.received > length) {
            return Err(FetchError::Interrupted("more bytes than announced".to_owned()));
        }
        Ok(Some(chunk))
    }
}

/// The next chunk with bytes in it. Empty ones (an empty HTTP/2 frame) do not restart the clock.
async fn read(response: &mut Response, stall_timeout: Duration) -> Result<Option<Bytes>, FetchError> {
    let next = async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => continue,
                Ok(chunk) => return Ok(chunk),
                Err(error) => return Err(interruption(error)),
            }
        }
    };
    tokio::time::timeout(stall_timeout, next).await.unwrap_or(Err(FetchError::Stalled))
}
