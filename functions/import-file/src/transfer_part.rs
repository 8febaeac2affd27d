use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use files_objects::{ObjectsError, Part, PartBytes};
use safe_fetch::FetchError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::BoxError;
use crate::hash::PartsHash;
use crate::ranged_source::RangedSource;
use crate::reader::Reader;

/// The timeout for S3 to accept a chunk, and to respond after the last byte of a part.
const S3_TIMEOUT: Duration = Duration::from_secs(30);
/// The timeout for the response of S3 after it has stopped to accept bytes.
const LATE_RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A part to transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) length: u64,
    /// Whether it is read from the response that `resolve` opened.
    pub(crate) is_of_first_response: bool,
    pub(crate) began: Instant,
}

/// The outcome of the transfer of a part.
pub(crate) struct PartOutcome {
    pub(crate) piece: Piece,
    pub(crate) outcome: Result<Part, PartError>,
    /// The reader, for the next part.
    pub(crate) reader: Reader,
    /// The hash including this part. Valid only if the part was stored.
    pub(crate) hash: Option<PartsHash>,
}

/// The reason why a part was not stored.
#[derive(Debug)]
pub(crate) enum PartError {
    /// The source failed.
    Source(FetchError),
    /// S3 failed.
    Objects(BoxError),
    /// The multipart upload no longer exists.
    NoSuchUpload,
}

impl From<ObjectsError> for PartError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchUpload => Self::NoSuchUpload,
            // S3 returns RequestTimeout if it receives no bytes: the source has stalled.
            ObjectsError::Failed { code, .. } if code == "RequestTimeout" => {
                Self::Source(FetchError::Stalled)
            }
            error => Self::Objects(error.into()),
        }
    }
}

/// Streams a part from the source to S3. Memory holds only the current chunk.
pub(crate) async fn transfer_part(
    source: Arc<RangedSource>,
    piece: Piece,
    mut reader: Reader,
    mut hash: Option<PartsHash>,
) -> PartOutcome {
    let mut passed = 0;
    reader.seek(piece.first, piece.length);
    let outcome = stream(&source, piece, &mut reader, hash.as_mut(), &mut passed).await;
    source.in_transit.fetch_sub(passed, Ordering::Relaxed);
    if let Some(hash) = &mut hash {
        hash.end_part();
    }
    PartOutcome { piece, outcome, reader, hash }
}

async fn stream(
    source: &RangedSource,
    piece: Piece,
    reader: &mut Reader,
    hash: Option<&mut PartsHash>,
    passed: &mut u64,
) -> Result<Part, PartError> {
    let (bytes, body) = PartBytes::channel(piece.length);
    let number = i32::try_from(piece.number).unwrap_or(i32::MAX);
    let upload = source.objects.put_part(source.upload(), number, body);
    let mut upload = std::pin::pin!(upload);
    let pumped = tokio::select! {
        biased; // S3's response is more specific than the failure to send it more bytes
        stored = &mut upload => return Ok(stored?),
        pumped = pump(source, reader, hash, passed, &bytes) => pumped,
    };
    match pumped {
        Ok(()) => {
            let stored = timeout(S3_TIMEOUT, upload).await;
            Ok(stored.map_err(|_| PartError::Objects("S3 did not respond before the timeout".into()))??)
        }
        // The response of S3, if there is one, has the cause.
        Err(PartError::Objects(cause)) => match timeout(LATE_RESPONSE_TIMEOUT, upload).await {
            Ok(Err(error)) => Err(error.into()),
            _ => Err(PartError::Objects(cause)),
        },
        Err(error) => Err(error),
    }
}

/// Reads the part from the source, hashes it, and sends it to the upload. Counts the bytes in `passed`.
async fn pump(
    source: &RangedSource,
    reader: &mut Reader,
    mut hash: Option<&mut PartsHash>,
    passed: &mut u64,
    bytes: &mpsc::Sender<Bytes>,
) -> Result<(), PartError> {
    while let Some(chunk) = reader.next_chunk().await.map_err(PartError::Source)? {
        if let Some(hash) = hash.as_deref_mut() {
            hash.update(&chunk);
        }
        let length = chunk.len() as u64;
        *passed += length;
        source.fetched.fetch_add(length, Ordering::Relaxed);
        source.in_transit.fetch_add(length, Ordering::Relaxed);
        let sent = timeout(S3_TIMEOUT, bytes.send(chunk)).await;
        sent.map_err(|_| PartError::Objects("S3 accepted no bytes before the timeout".into()))?
            .map_err(|_| PartError::Objects("S3 closed the request".into()))?;
    }
    Ok(())
}
