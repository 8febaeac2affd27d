//! Requests to presigned URLs over the connection pool of the AWS clients.

use std::error::Error;
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::{sleep, timeout};

use crate::backoff::full_jitter;
use crate::https::Https;

/// The timeout of an attempt until its response begins, and again until its body ends.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_ATTEMPTS: u32 = 4;
/// The maximum size of the response to a PUT: S3's description of an error.
const MAX_RESPONSE: usize = 64 * 1024;
/// The maximum backoff before the second attempt. It doubles with each further attempt.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The reason why a request to a presigned URL failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The connection could not be opened or broke, or the body was too long.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn Error + Send + Sync>),
    /// The response or its body took longer than 20 s.
    #[error("the server did not respond in time")]
    Timeout,
    /// The URL or a header is invalid.
    #[error("the request is invalid")]
    Request(#[source] http::Error),
}

/// A client for presigned URLs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Downloads {
    https: Https,
}

impl Downloads {
    pub(crate) fn new(https: Https) -> Self {
        Self { https }
    }

    /// Sends a GET request and reads the whole body, of at most `max_bytes`. Retries broken connections, timeouts, and the
    /// statuses 429, 500, 502, 503 and 504 with jittered backoff, in four attempts at most. Returns responses with any other
    /// status.
    ///
    /// # Errors
    /// The error of the last attempt: [`DownloadError::Connection`] or [`DownloadError::Timeout`]. [`DownloadError::Request`] if
    /// the request is invalid.
    pub async fn get(
        &self,
        url: &Uri,
        headers: &HeaderMap,
        max_bytes: usize,
    ) -> Result<Response<Bytes>, DownloadError> {
        self.send(|| Request::get(url).body(SdkBody::empty()), headers, max_bytes).await
    }

    /// Sends a PUT request with a body, with the retries of [`get`](Self::get). Returns the response.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn put(&self, url: &Uri, body: Bytes) -> Result<Response<Bytes>, DownloadError> {
        self.send(|| Request::put(url).body(SdkBody::from(body.clone())), &HeaderMap::new(), MAX_RESPONSE)
            .await
    }

    async fn send(
        &self,
        make: impl Fn() -> Result<Request<SdkBody>, http::Error>,
        headers: &HeaderMap,
        max_bytes: usize,
    ) -> Result<Response<Bytes>, DownloadError> {
        let mut attempt = 1;
        loop {
            let request = make().map_err(DownloadError::Request)?;
            let outcome = self.attempt(request, headers, max_bytes).await;
            let transient = match &outcome {
                Ok(response) => is_transient(response.status()),
                Err(error) => !matches!(error, DownloadError::Request(_)),
            };
            if !transient || attempt == MAX_ATTEMPTS {
                return outcome;
            }
            sleep(full_jitter(FIRST_BACKOFF, attempt - 1)).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        mut request: Request<SdkBody>,
        headers: &HeaderMap,
        max_bytes: usize,
    ) -> Result<Response<Bytes>, DownloadError> {
        request.headers_mut().extend(headers.clone());
        let response = timeout(ATTEMPT_TIMEOUT, self.https.send(request)).await;
        let response: Response<Incoming> = response
            .map_err(|_| DownloadError::Timeout)?
            .map_err(|error| DownloadError::Connection(error.into()))?;
        let (parts, body) = response.into_parts();
        let body = timeout(ATTEMPT_TIMEOUT, Limited::new(body, max_bytes).collect()).await;
        let body = body.map_err(|_| DownloadError::Timeout)?.map_err(DownloadError::Connection)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Downloads from a server that sends the next of these responses on each connection. Returns the result and the requests.
    async fn get(
        responses: &[&str],
        max_bytes: usize,
    ) -> (Result<Response<Bytes>, DownloadError>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url =
            format!("http://{}/bucket/key?signature=1", listener.local_addr().unwrap()).parse().unwrap();
        let responses: Vec<String> = responses.iter().map(|text| (*text).to_owned()).collect();
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            for response in responses {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = vec![0; 4096];
                let length = stream.read(&mut buffer).await.unwrap();
                requests.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                stream.write_all(response.as_bytes()).await.unwrap();
            }
            requests
        });
        let headers = HeaderMap::from_iter([(http::header::RANGE, "bytes=0-9".parse().unwrap())]);
        let response = Downloads::new(Https::new()).get(&url, &headers, max_bytes).await;
        (response, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_put_is_sent_again_with_its_whole_body() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/part", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            for response in [BUSY, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut request, mut buffer) = (Vec::new(), vec![0; 4096]);
                while !request.ends_with(b"the whole part") {
                    let count = stream.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..count]);
                }
                assert!(request.starts_with(b"PUT /part HTTP/1.1\r\n"));
                stream.write_all(response.as_bytes()).await.unwrap();
            }
        });
        let response = Downloads::new(Https::new()).put(&url, Bytes::from_static(b"the whole part")).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
        server.await.unwrap();
    }

    const GOOD: &str = "HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    const BUSY: &str = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const CUT: &str = "HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\nConnection: close\r\n\r\na";

    #[tokio::test]
    async fn transient_errors_are_retried() {
        let (response, requests) = get(&["", BUSY, CUT, GOOD], 10).await;
        let response = response.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_ref()), (206, b"abc".as_ref()));
        assert_eq!(requests.len(), 4);
        for request in requests {
            assert!(request.starts_with("GET /bucket/key?signature=1 HTTP/1.1\r\n"), "{request}");
            assert!(request.contains("range: bytes=0-9\r\n"), "{request}");
        }
        let (response, _) = get(&[BUSY, BUSY, BUSY, BUSY], 10).await;
        assert_eq!(response.unwrap().status().as_u16(), 503, "the response of the last attempt is returned");
    }

    #[tokio::test]
    async fn other_statuses_are_not_retried() {
        for status in
            ["403 Forbidden", "404 Not Found", "412 Precondition Failed", "416 Range Not Satisfiable"]
        {
            let refused = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let (response, requests) = get(&[&refused], 10).await;
            assert_eq!((response.unwrap().status().as_str(), requests.len()), (&status[..3], 1));
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_an_error() {
        let (response, _) = get(&[GOOD, GOOD, GOOD, GOOD], 2).await;
        assert!(matches!(response, Err(DownloadError::Connection(_))), "{response:?}");
    }
}
