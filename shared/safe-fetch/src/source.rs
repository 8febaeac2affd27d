//! An answer whose body is being read.

use crate::coding::{self, Coding};
use crate::failure::interruption;
use crate::{FetchError, Limits, Target, Version, headers};
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A source that answered: what it says of itself, and its bytes, one chunk at a time.
#[derive(Debug)]
#[non_exhaustive]
pub struct Source {
    /// The URL that answered, after all redirects.
    pub final_url: Url,
    /// That URL, and what of the headers went along to it: where more of the same can be asked for.
    pub target: Target,
    /// The status of the answer: 200, or 206.
    pub status: u16,
    /// The length of the body in bytes, if announced. Exactly so many come, or [`Source::next_chunk`] fails.
    pub length: Option<u64>,
    /// The media type without parameters, lower case (`video/mp4`), if the source named a valid one.
    pub content_type: Option<String>,
    /// The file's name as the source gave it in `Content-Disposition`, else the last segment of the path. Raw text:
    /// it may hold anything, clean it before use.
    pub file_name: Option<String>,
    /// The name in `Content-Disposition`, raw.
    pub disposition_name: Option<String>,
    /// Whether `Content-Disposition` is `attachment`.
    pub is_attachment: bool,
    /// What any part can be asked of, if the source has said that it gives parts.
    pub version: Option<Version>,
    codings: Vec<Coding>,
    /// What was looked at, and not taken yet.
    head: Bytes,
    body: Body,
    pace: Pace,
    received: u64,
}

/// How long the head of a body is waited for once a part of it is there.
const HEAD_TIME: Duration = Duration::from_secs(2);

/// How fast the body must come. Only the time in which it is waited for counts.
#[derive(Debug)]
struct Pace {
    stall_timeout: Duration,
    min_bytes: u64,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// So many bytes came after so long a wait. Whether that is fast enough.
    fn keeps(&mut self, waited: Duration, came: usize) -> bool {
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
            // Not the header itself: with chunked framing it does not count.
            length: response.content_length(),
            content_type: headers::content_type(response.headers()),
            file_name: disposition_name.clone().or_else(|| headers::name_in_path(target.url.url())),
            disposition_name,
            is_attachment: headers::is_attachment(response.headers()),
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

    /// The bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes, never empty, or `None` once the whole body has come. Bytes that are not asked for are not read:
    /// a slow caller slows the source down, it does not fill memory.
    ///
    /// # Errors
    /// [`FetchError::Stalled`] when nothing, or too little, came within the stall timeout, [`FetchError::Truncated`] when the body ended
    /// early, [`FetchError::Interrupted`] when the connection broke, [`FetchError::ContentEncoding`] for a body that is compressed
    /// although it was not to be. The same again on every later call.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        if (self.received == 0 || !self.head.is_empty())
            && let Some(coding) = self.encoded().await?
        {
            return Err(FetchError::ContentEncoding(coding));
        }
        self.next_raw().await
    }

    /// Returns the coding of the body, if it has one: only its [`head`](Source::head) and [`text`](Source::text) can be had.
    ///
    /// # Errors
    /// As [`next_chunk`](Source::next_chunk) has them.
    pub async fn encoded(&mut self) -> Result<Option<&'static str>, FetchError> {
        if self.codings.is_empty() {
            return Ok(None);
        }
        self.look(8).await?;
        Ok(coding::outermost(&self.codings, &self.head).map(Coding::name))
    }

    /// Returns the first bytes of the body, decoded, about as many as asked for; fewer if the body ends, or if the rest does not
    /// come soon. They are not taken: [`next_chunk`](Source::next_chunk) gives them again.
    ///
    /// # Errors
    /// As [`next_chunk`](Source::next_chunk) has them.
    pub async fn head(&mut self, bytes: usize) -> Result<Vec<u8>, FetchError> {
        self.look(bytes).await?;
        let said = coding::outermost(&self.codings, &self.head);
        Ok(match said {
            Some(_) => coding::decode_head(&self.codings, &self.head, bytes),
            None => self.head.to_vec(),
        })
    }

    /// Reads all of a text, decoded, of at most so many bytes.
    ///
    /// # Errors
    /// [`FetchError::TooLong`], [`FetchError::ContentEncoding`] if it cannot be decoded, and as [`next_chunk`](Source::next_chunk)
    /// has them.
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

    /// Reads until so many bytes can be looked at.
    async fn look(&mut self, bytes: usize) -> Result<(), FetchError> {
        let mut head = BytesMut::from(std::mem::take(&mut self.head));
        let deadline = Instant::now() + HEAD_TIME;
        while head.len() < bytes {
            let read = self.read_body();
            let read =
                if head.is_empty() { Ok(read.await) } else { tokio::time::timeout_at(deadline, read).await };
            match read {
                Ok(Ok(Some(chunk))) => head.extend_from_slice(&chunk),
                // An error comes again with the next chunk, behind what has come before it.
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
        let asked = Instant::now();
        let read = read(response, self.pace.stall_timeout).await;
        match read.and_then(|chunk| self.count(chunk, asked.elapsed())) {
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
        if !self.pace.keeps(waited, chunk.len()) {
            return Err(FetchError::Stalled);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_is_a_stall_and_a_slow_reader_is_none() {
        let pace = || Pace {
            stall_timeout: Duration::from_secs(30),
            min_bytes: 30 * 1024,
            waited: Duration::ZERO,
            came: 0,
        };
        let mut drip = pace();
        let second = Duration::from_secs(1);
        assert!((0..29).all(|_| drip.keeps(second, 100)));
        assert!(!drip.keeps(second, 100));
        let mut enough = pace();
        assert!((0..1_000).all(|_| enough.keeps(second, 1024)));
        // What comes at once has not been waited for, however long the reader was away.
        let mut waiting_for_nobody = pace();
        assert!((0..1_000).all(|_| waiting_for_nobody.keeps(Duration::ZERO, 1)));
    }
}
