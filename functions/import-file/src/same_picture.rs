//! Compares the picture that a source shows now with the one that an earlier run has stored, so that a sound is never joined with the
//! picture of another film.

use bytes::BytesMut;
use files_domain::StreamKind;
use files_objects::ObjectsError;
use media_source::Content;
use safe_fetch::FetchError;
use tokio::time::timeout;

use crate::error::ImportError;
use crate::lease::Lease;

/// The bytes that are compared: the tables of an MP4 or the first frames, which differ from film to film.
const COMPARED_BYTES: usize = 64 * 1024;

/// Checks that the source still sends the stored picture. Compares the size, if the source declares one, and the first bytes.
///
/// # Errors
/// [`ImportError::Source`] with [`FetchError::Changed`] if it does not, otherwise the errors of the source and of S3.
pub(crate) async fn check_same_picture(lease: &Lease<'_>, shown: Content) -> Result<(), ImportError> {
    let (owner, id) = (lease.file.owner, lease.file.id);
    let stored = lease.import.objects.of_stream(StreamKind::Picture);
    let found = match stored.head_file(owner, id).await {
        Ok(found) => found,
        Err(ObjectsError::NotFound) => return Err(FetchError::Changed.into()), // by the bucket's lifecycle rule
        Err(error) => return Err(error.into()),
    };
    if declared_size(&shown).is_some_and(|size| size != found.size) {
        return Err(FetchError::Changed.into());
    }
    let reading = timeout(lease.budget.left(), beginning(shown)).await;
    let now = reading.map_err(|_| ImportError::GivenUp(FetchError::Timeout))??;
    let end = found.size.min(now.len() as u64);
    let before = stored.read_range(owner, id, &found.etag, 0, end).await?;
    if before == now { Ok(()) } else { Err(FetchError::Changed.into()) }
}

fn declared_size(content: &Content) -> Option<u64> {
    match content {
        Content::File(source) => source.version.as_ref().map(|version| version.total).or(source.length),
        Content::Stream(_) => None,
    }
}

/// Returns the first bytes, at most [`COMPARED_BYTES`].
async fn beginning(mut content: Content) -> Result<BytesMut, ImportError> {
    let mut read = BytesMut::new();
    while read.len() < COMPARED_BYTES {
        let chunk = match &mut content {
            Content::File(source) => source.next_chunk().await?,
            Content::Stream(stream) => stream.next_chunk().await?,
        };
        let Some(chunk) = chunk else { break };
        read.extend_from_slice(&chunk);
    }
    read.truncate(COMPARED_BYTES);
    Ok(read)
}
