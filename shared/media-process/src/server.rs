//! The loopback server: one unguessable path, served by ranges, as slowly as the process reads.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::range::{self, ByteRange};

/// FFmpeg opens the next connection before it closes the last one.
const MAX_CONNECTIONS: usize = 16;

type Body = UnsyncBoxBody<Bytes, ReadAborted>;

/// A read was aborted, for a reason that the content holds. The server closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("the read was aborted")]
pub struct ReadAborted;

/// The bytes that a server serves.
pub trait Content: Send + Sync + 'static {
    /// Returns the length in bytes.
    fn length(&self) -> u64;

    /// Counts one request.
    ///
    /// # Errors
    /// [`ReadAborted`] if there are too many requests.
    fn count_request(&self) -> Result<(), ReadAborted>;

    /// Returns bytes from `position`, at least one if the position is within the length.
    ///
    /// # Errors
    /// [`ReadAborted`] if they cannot be read.
    fn chunk(&self, position: u64) -> impl Future<Output = Result<Bytes, ReadAborted>> + Send;
}

/// A listening server that does not respond yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    path: String,
    buffer: usize,
}

/// Returns 32 random hexadecimal digits.
///
/// # Errors
/// The system has no random numbers.
pub fn token() -> io::Result<String> {
    let mut token = [0; 16];
    getrandom::fill(&mut token).map_err(io::Error::other)?;
    Ok(hex::encode(token))
}

impl Server {
    /// Listens on a free loopback port, under a random path without a name or an extension. An open-ended range is sent as far as
    /// the buffers between here and the process hold, read by it or not: `buffer` is the size of each of them in bytes.
    ///
    /// # Errors
    /// No socket can be opened.
    pub fn bind(buffer: usize) -> io::Result<Self> {
        let token = token()?;
        let socket = TcpSocket::new_v4()?;
        socket.set_send_buffer_size(u32::try_from(buffer).unwrap_or(u32::MAX))?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(16)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, path: format!("/{token}"), buffer })
    }

    /// Returns the only address that is served.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }

    /// Serves until it is dropped, its connections with it. If it can accept no more, calls `failed` and waits for ever.
    pub async fn serve<S: Content>(self, content: Arc<S>, failed: impl FnOnce(io::Error)) -> Infallible {
        let (path, buffer): (Arc<str>, _) = (self.path.into(), self.buffer);
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= MAX_CONNECTIONS {
                connections.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&path), Arc::clone(&content), buffer));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    failed(error);
                    return std::future::pending().await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn connection<S: Content>(stream: TcpStream, path: Arc<str>, content: Arc<S>, buffer: usize) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = respond(&request, &path, &content, buffer);
        async move { response }
    });
    let served = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(buffer)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // FFmpeg hangs up whenever it seeks, so an error here is the rule.
    if let Err(error) = served {
        tracing::trace!(%error, "loopback connection closed");
    }
}

fn respond<S: Content, B>(
    request: &Request<B>,
    path: &str,
    content: &Arc<S>,
    buffer: usize,
) -> Result<Response<Body>, ReadAborted> {
    if request.uri().path() != path {
        return Ok(bare(StatusCode::NOT_FOUND));
    }
    content.count_request()?;
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let size = content.length();
    let header = request.headers().get(RANGE).and_then(|value| value.to_str().ok());
    let (status, start, end) = match range::parse(header, size) {
        ByteRange::Whole => (StatusCode::OK, 0, size),
        ByteRange::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        ByteRange::Unsatisfiable => {
            let mut response = bare(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, CONTENT_RANGE, format!("bytes */{size}"));
            return Ok(response);
        }
    };
    tracing::trace!(start, end, "a range is requested");
    let mut response = bare(status);
    if request.method() == Method::GET {
        *response.body_mut() = body(Arc::clone(content), start..end, buffer);
    }
    set(&mut response, CONTENT_LENGTH, (end - start).to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1));
    }
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// Returns the body of a range. Reads its bytes when the process receives them.
fn body<S: Content>(content: Arc<S>, range: Range<u64>, buffer: usize) -> Body {
    let Range { start, end } = range;
    let frames = stream::try_unfold(start, move |position| {
        let content = Arc::clone(&content);
        async move {
            if position >= end {
                return Ok(None);
            }
            let mut chunk = content.chunk(position).await?;
            chunk.truncate(usize::try_from(end - position).unwrap_or(usize::MAX).min(buffer));
            let next = position + chunk.len() as u64;
            Ok(Some((Frame::data(chunk), next)))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Body>, name: http::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
