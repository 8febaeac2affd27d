//! A response whose body is being read.

use crate::coding::{self, Coding};
use crate::failure::body_error;
use crate::{FetchError, Limits, Target, headers};
use bytes::{Bytes, BytesMut};
use http::Version;
use http::header::TRANSFER_ENCODING;
use reqwest::Response;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A response of a source: its metadata, and its body in chunks.
#[derive(Debug)]
#[non_exhaustive]
pub struct Source {
    /// The URL of the response, after all redirects.
    pub final_url: Url,
    /// The final URL with the headers that were sent to it, for further requests to the same file.
    pub target: Target,
    /// The status of the response: 206, or another one that has the whole file.
    pub status: u16,
    /// The length of the body in bytes, if declared. [`Source::next_chunk`] fails if the body has another length.
    pub length: Option<u64>,
    /// The media type without parameters, lower case (`video/mp4`), if the source sent a valid one.
    pub content_type: Option<String>,
    /// The file name in `Content-Disposition`, or else the last segment of the path. Untrusted text: sanitise it before use.
    pub file_name: Option<String>,
    /// The file name in `Content-Disposition`. Untrusted text.
    pub disposition_name: Option<String>,
    /// Whether `Content-Disposition` is `attachment`.
    pub is_attachment: bool,
    /// The version of the file, for range requests, if the source supports them.
    pub version: Option<crate::Version>,
    /// Whether the end of the body is marked, by its length, chunks or frames; otherwise it ends with the connection, as a body that
    /// was cut off does.
    pub is_framed: bool,
    codings: Vec<Coding>,
    /// The bytes that were read ahead and are not returned yet.
    head: Bytes,
    body: Body,
    pace: Pace,
    received: u64,
}

/// The maximum wait for the rest of the head after its first bytes.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Measures the speed of the body. Only the time spent waiting for bytes counts.
#[derive(Debug)]
struct Pace {
    stall_timeout: Duration,
    min_bytes: u64,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// Records bytes that arrived after a wait. Returns `false` if fewer than `min_bytes` arrived during the last `stall_timeout`
    /// of waiting.
    fn record(&mut self, waited: Duration, came: usize) -> bool {
        self.waited += waited;
        self.came += came as u64;
        if self.waited < self.stall_timeout {
            return true;
        }
        let kept = self.came >= self.min_bytes;
        (self.waited, self.came) = (Duration::ZERO, 0);
        kept
    }
}

#[derive(Debug)]
enum Body {
    Open(Response),
    Ended,
    Failed(FetchError),
}

impl Source {
    pub(crate) fn new(target: Target, response: Response, limits: &Limits) -> Source {
        let (stall_timeout, min_bytes) = (limits.stall_timeout, limits.min_bytes);
        let codings = headers::codings(response.headers(), target.url.url().path());
        let disposition_name = headers::disposition_name(response.headers());
        Source {
            status: response.status().as_u16(),
            // Not the header: it is ignored with chunked transfer coding.
            length: response.content_length(),
            content_type: headers::content_type(response.headers()),
            file_name: disposition_name.clone().or_else(|| headers::name_in_path(target.url.url())),
            disposition_name,
            is_attachment: headers::is_attachment(response.headers()),
            is_framed: response.content_length().is_some()
                || response.headers().contains_key(TRANSFER_ENCODING)
                || response.version() == Version::HTTP_2,
            final_url: target.url.url().clone(),
            target,
            version: None,
            codings,
            head: Bytes::new(),
            body: Body::Open(response),
            pace: Pace { stall_timeout, min_bytes, waited: Duration::ZERO, came: 0 },
            received: 0,
        }
    }

    /// Returns the number of body bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns the next bytes, never empty, or `None` after the whole body. Reads only on demand, so that a slow caller slows the
    /// source down instead of filling memory.
    ///
    /// # Errors
    /// [`FetchError::Stalled`] if too few bytes arrived within the stall timeout, [`FetchError::Truncated`] if the body ended
    /// early, [`FetchError::Interrupted`] if the connection broke, [`FetchError::ContentEncoding`] if the body is compressed.
    /// Every later call returns the same error.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        if (self.received == 0 || !self.head.is_empty())
            && let Some(coding) = self.encoded().await?
        {
            return Err(FetchError::ContentEncoding(coding));
        }
        self.next_raw().await
    }

    /// Returns the content coding of the body, if it is encoded. Of an encoded body, only [`head`](Source::head) and
    /// [`text`](Source::text) can be read.
    ///
    /// # Errors
    /// As [`next_chunk`](Source::next_chunk) has them.
    pub async fn encoded(&mut self) -> Result<Option<&'static str>, FetchError> {
        if self.codings.is_empty() {
            return Ok(None);
        }
        self.read_ahead(8).await?;
        Ok(coding::outermost(&self.codings, &self.head).map(Coding::name))
    }

    /// Returns the first bytes of the body, decoded, about as many as requested; fewer if the body ends or pauses for two
    /// seconds. The bytes are not consumed: [`next_chunk`](Source::next_chunk) returns them again.
    ///
    /// # Errors
    /// As [`next_chunk`](Source::next_chunk) has them.
    pub async fn head(&mut self, bytes: usize) -> Result<Vec<u8>, FetchError> {
        self.read_ahead(bytes).await?;
        let said = coding::outermost(&self.codings, &self.head);
        Ok(match said {
            Some(_) => coding::decode_head(&self.codings, &self.head, bytes),
            None => self.head.to_vec(),
        })
    }

    /// Reads the whole body and decodes it. Body and text may have at most `most` bytes each.
    ///
    /// # Errors
    /// [`FetchError::TooLong`] if it is longer, [`FetchError::ContentEncoding`] if it cannot be decoded, otherwise the errors of
    /// [`next_chunk`](Source::next_chunk).
    pub async fn text(&mut self, most: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next_raw().await? {
            body.extend_from_slice(&chunk);
            if body.len() > most {
                return Err(FetchError::TooLong);
            }
        }
        coding::decode(&self.codings, body, most)
    }

    /// Reads ahead until the head has at least so many bytes, or the body ends or pauses.
    async fn read_ahead(&mut self, bytes: usize) -> Result<(), FetchError> {
        let mut head = BytesMut::from(std::mem::take(&mut self.head));
        let deadline = Instant::now() + HEAD_TIMEOUT;
        while head.len() < bytes {
            let read = self.read_body();
            let read =
                if head.is_empty() { Ok(read.await) } else { tokio::time::timeout_at(deadline, read).await };
            match read {
                Ok(Ok(Some(chunk))) => head.extend_from_slice(&chunk),
                // The next read returns the error again, after the bytes before it.
                Ok(Ok(None)) | Err(_) => break,
                Ok(Err(error)) if head.is_empty() => return Err(error),
                Ok(Err(_)) => break,
            }
        }
        self.head = head.freeze();
        Ok(())
    }

    async fn next_raw(&mut self) -> Result<Option<Bytes>, FetchError> {
        if self.head.is_empty() {
            return self.read_body().await;
        }
        Ok(Some(std::mem::take(&mut self.head)))
    }

    async fn read_body(&mut self) -> Result<Option<Bytes>, FetchError> {
        let response = match &mut self.body {
            Body::Open(response) => response,
            Body::Ended => return Ok(None),
            Body::Failed(error) => return Err(error.clone()),
        };
        let started = Instant::now();
        let read = read(response, self.pace.stall_timeout).await;
        match read.and_then(|chunk| self.count(chunk, started.elapsed())) {
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

    fn count(&mut self, chunk: Option<Bytes>, waited: Duration) -> Result<Option<Bytes>, FetchError> {
        let Some(chunk) = chunk else {
            let is_short = self.length.is_some_and(|length| self.received < length);
            return if is_short { Err(FetchError::Truncated) } else { Ok(None) };
        };
        self.received += chunk.len() as u64;
        if self.length.is_some_and(|length| self.received > length) {
            return Err(FetchError::Interrupted("more bytes than announced".to_owned()));
        }
        if !self.pace.record(waited, chunk.len()) {
            return Err(FetchError::Stalled);
        }
        Ok(Some(chunk))
    }
}

/// Reads the next chunk that is not empty. Empty chunks (HTTP/2 frames without data) do not reset the timeout.
async fn read(response: &mut Response, stall_timeout: Duration) -> Result<Option<Bytes>, FetchError> {
    let next = async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => continue,
                Ok(chunk) => return Ok(chunk),
                Err(error) => return Err(body_error(error)),
            }
        }
    };
    tokio::time::timeout(stall_timeout, next).await.unwrap_or(Err(FetchError::Stalled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_source_stalls_and_a_slow_reader_does_not() {
        let pace = || Pace {
            stall_timeout: Duration::from_secs(30),
            min_bytes: 30 * 1024,
            waited: Duration::ZERO,
            came: 0,
        };
        let mut drip = pace();
        let second = Duration::from_secs(1);
        assert!((0..29).all(|_| drip.record(second, 100)));
        assert!(!drip.record(second, 100));
        let mut enough = pace();
        assert!((0..1_000).all(|_| enough.record(second, 1024)));
        // Bytes that are available at once do not count, whatever time the reader took before.
        let mut no_wait = pace();
        assert!((0..1_000).all(|_| no_wait.record(Duration::ZERO, 1)));
    }
}
