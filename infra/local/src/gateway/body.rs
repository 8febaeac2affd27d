//! Reads a request's body up to the gateway's limit.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use futures_util::StreamExt;

use super::{MAX_BODY_BYTES, Problem};

/// The number of bytes of a too large body that are still read and discarded. A client that is still sending would miss the
/// response otherwise.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;

/// Reads the whole body.
pub(super) async fn read(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let announced: usize = announced.unwrap_or(0);
    let mut collected = Vec::with_capacity(announced.min(MAX_BODY_BYTES));
    let mut total = 0;
    let mut stream = body.into_data_stream();
    if announced > MAX_DRAINED_BYTES {
        return Err(Problem::BodyTooLarge);
    }
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::BadRequest)?;
        total += chunk.len();
        if total > MAX_DRAINED_BYTES {
            break;
        }
        if total <= MAX_BODY_BYTES {
            collected.extend_from_slice(&chunk);
        } else {
            collected = Vec::new();
        }
    }
    if total > MAX_BODY_BYTES { Err(Problem::BodyTooLarge) } else { Ok(collected.into()) }
}
