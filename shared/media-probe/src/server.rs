//! The loopback server: one unguessable path, answered by ranges, as slowly as ffprobe reads.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
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

use crate::halt::{Halt, Reason};
use crate::range::{self, Wanted};
use crate::reader::{Ended, Reader};
use crate::source::RangeSource;

/// An open-ended range is answered as far as the buffers between here and ffprobe hold, read by it or not. Small
/// buffers keep that below the first read of a place.
const SEND_BUFFER: u32 = 16 * 1024;
const HYPER_BUFFER: usize = 16 * 1024;
const FRAME: usize = 16 * 1024;

/// ffprobe opens the next connection before it closes the last one.
const MAX_CONNECTIONS: usize = 16;

type Body = UnsyncBoxBody<Bytes, Ended>;

/// A listening server that does not answer yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    path: String,
}

impl Server {
    /// Listens on a free loopback port, under a random path without a name or an extension.
    pub(crate) fn bind() -> io::Result<Self> {
        let mut token = [0; 16];
        getrandom::fill(&mut token).map_err(io::Error::other)?;
        let socket = TcpSocket::new_v4()?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(16)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, path: format!("/{}", hex::encode(token)) })
    }

    /// The only address that is answered.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }

    /// Answers until it is dropped, its connections with it; what goes wrong is in `halt`.
    pub(crate) async fn serve<S: RangeSource>(self, reader: Arc<Reader<S>>, halt: Arc<Halt>) -> Infallible {
        let path: Arc<str> = self.path.into();
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= MAX_CONNECTIONS {
                connections.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&path), Arc::clone(&reader)));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    halt.raise(Reason::Server(error));
                    std::future::pending::<()>().await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn connection<S: RangeSource>(stream: TcpStream, path: Arc<str>, reader: Arc<Reader<S>>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = respond(&request, &path, &reader);
        async move { response }
    });
    let served = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HYPER_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // ffprobe hangs up whenever it seeks, so an error here is the rule.
    if let Err(error) = served {
        tracing::trace!(%error, "loopback connection closed");
    }
}

fn respond<S: RangeSource, B>(
    request: &Request<B>,
    path: &str,
    reader: &Arc<Reader<S>>,
) -> Result<Response<Body>, Ended> {
    if request.uri().path() != path {
        return Ok(bare(StatusCode::NOT_FOUND));
    }
    reader.count_request()?;
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let size = reader.shown();
    let header = request.headers().get(RANGE).and_then(|value| value.to_str().ok());
    let (status, start, end) = match range::parse(header, size) {
        Wanted::Everything => (StatusCode::OK, 0, size),
        Wanted::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        Wanted::Unsatisfiable => {
            let mut response = bare(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, CONTENT_RANGE, format!("bytes */{size}"));
            return Ok(response);
        }
    };
    tracing::trace!(start, end, "ffprobe asks for a range");
    let mut response = bare(status);
    if request.method() == Method::GET {
        *response.body_mut() = content(Arc::clone(reader), start, end);
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

/// The bytes `start..end`, read only when ffprobe takes them.
fn content<S: RangeSource>(reader: Arc<Reader<S>>, start: u64, end: u64) -> Body {
    let frames = stream::try_unfold(start, move |position| {
        let reader = Arc::clone(&reader);
        async move {
            if position >= end {
                return Ok(None);
            }
            let mut chunk = reader.chunk(position).await?;
            chunk.truncate(usize::try_from(end - position).unwrap_or(usize::MAX).min(FRAME));
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

#[cfg(test)]
mod tests;
