use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use files_objects::{ObjectsError, Part, PartBytes};
use safe_fetch::FetchError;
use tokio::time::timeout;

use crate::BoxError;
use crate::hash::PartsHash;
use crate::job::Job;
use crate::reader::Reader;

/// How long S3 may take to take a few bytes, and to answer once it has all.
const S3_PATIENCE: Duration = Duration::from_secs(30);

/// A part to fetch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) length: u64,
    pub(crate) began: Instant,
}

/// What became of a part.
pub(crate) struct Ended {
    pub(crate) piece: Piece,
    pub(crate) outcome: Result<Part, PartError>,
    /// For the next one.
    pub(crate) reader: Reader,
    /// With this part in it, if it was stored.
    pub(crate) hash: Option<PartsHash>,
}

/// Why a part was not stored.
#[derive(Debug)]
pub(crate) enum PartError {
    /// It did not come.
    Source(FetchError),
    /// S3 did not take it.
    Objects(BoxError),
    /// The upload is gone.
    NoSuchUpload,
}

impl From<ObjectsError> for PartError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchUpload => Self::NoSuchUpload,
            // S3's word for a connection on which nothing came: it is the source that did not send.
            ObjectsError::Failed { code, .. } if code == "RequestTimeout" => {
                Self::Source(FetchError::Stalled)
            }
            error => Self::Objects(error.into()),
        }
    }
}

/// Streams a part from the source to S3: of its bytes only those are in memory that are just passing.
pub(crate) async fn stream(
    job: Arc<Job>,
    piece: Piece,
    mut reader: Reader,
    mut hash: Option<PartsHash>,
) -> Ended {
    let mut passed = 0;
    reader.aim(piece.first, piece.length);
    let outcome = pass(&job, piece, &mut reader, hash.as_mut(), &mut passed).await;
    job.on_their_way.fetch_sub(passed, Ordering::Relaxed);
    if let Some(hash) = &mut hash {
        hash.end_part();
    }
    Ended { piece, outcome, reader, hash }
}

async fn pass(
    job: &Job,
    piece: Piece,
    reader: &mut Reader,
    mut hash: Option<&mut PartsHash>,
    passed: &mut u64,
) -> Result<Part, PartError> {
    let (bytes, body) = PartBytes::channel(piece.length);
    let number = i32::try_from(piece.number).unwrap_or(i32::MAX);
    let upload = job.objects.put_part(job.upload(), number, body);
    let mut upload = std::pin::pin!(upload);
    let pump = async {
        while let Some(chunk) = reader.next_chunk().await.map_err(PartError::Source)? {
            if let Some(hash) = hash.as_deref_mut() {
                hash.update(&chunk);
            }
            let length = chunk.len() as u64;
            *passed += length;
            job.fetched.fetch_add(length, Ordering::Relaxed);
            job.on_their_way.fetch_add(length, Ordering::Relaxed);
            let sent = timeout(S3_PATIENCE, bytes.send(chunk)).await;
            sent.map_err(|_| PartError::Objects("S3 takes no bytes".into()))?
                .map_err(|_| PartError::Objects("S3 has broken off".into()))?;
        }
        Ok(())
    };
    let pumped = tokio::select! {
        biased; // S3's own word is worth more than that it takes no more bytes
        stored = &mut upload => return Ok(stored?),
        pumped = pump => pumped,
    };
    match pumped {
        Ok(()) => {}
        Err(PartError::Objects(cause)) => {
            // Why it has broken off is in its answer, if there is one.
            return match timeout(Duration::from_secs(1), upload).await {
                Ok(Err(error)) => Err(error.into()),
                _ => Err(PartError::Objects(cause)),
            };
        }
        Err(error) => return Err(error),
    }
    let stored = timeout(S3_PATIENCE, upload).await;
    Ok(stored.map_err(|_| PartError::Objects("S3 does not answer".into()))??)
}
