//! Imports of media whose picture and sound are separate: fetches both into temporary objects, one after the other, each like any
//! source. A later run resumes with what is missing. When both are stored, they are joined.

use files_domain::{FileName, StreamKind, Streams};
use files_objects::{Objects, ObjectsError, Upload, Uploaded};
use media_source::{Container, MediaSource, Request, Resolved, Sound, choice_id};
use safe_fetch::FetchError;
use tokio::time::timeout;
use tracing::info;

use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::join::join;
use crate::lease::Lease;
use crate::plan::{plan, resume};
use crate::resolve::resolve;
use crate::same_picture::check_same_picture;
use crate::transfer::transfer;

/// Fetches a resolved picture and its sound from the beginning, and joins them.
///
/// # Errors
/// The errors of the transfers, and of [`join`].
pub(crate) async fn fetch_streams(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    picture: Resolved,
    sound: Sound,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    lease.file.state.streams = Some(Box::new(Streams {
        stored: Vec::new(),
        content_type: sound.container.content_type().to_owned(),
        name: picture.name.as_ref().map(|name| name.as_str().to_owned()),
        origin: picture.page.as_ref().and_then(|page| page.origin.clone()),
        choice: picture.choice.as_ref().map(choice_id),
    }));
    fetch(lease, sources, picture, restarts).await?;
    let opened = open_sound(lease, sources, &sound).await?;
    fetch(lease, sources, opened, restarts).await?;
    join_stored(lease).await
}

/// Fetches what an earlier run has not stored, and joins the streams.
///
/// # Errors
/// See [`fetch_streams`]. A transient failure of a source backs off, so that what is stored is kept.
pub(crate) async fn resume_streams(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    let preferred = lease.file.state.streams.as_deref().and_then(|streams| streams.choice.clone());
    let request = &Request { preferred, ..request.clone() };
    let outcome = fetch_missing(lease, sources, request, restarts).await;
    match outcome.map_err(kept) {
        Ok(()) => join_stored(lease).await,
        Err(error) => Err(error),
    }
}

/// Lets a transient failure back off instead of failing the import.
fn kept(error: ImportError) -> ImportError {
    match error {
        ImportError::Source(error) if error.is_retryable() => ImportError::GivenUp(error),
        error => error,
    }
}

async fn fetch_missing(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(), ImportError> {
    while let Some(kind) = missing(lease) {
        if let Some(plan) = resume(lease, sources, request, restarts).await? {
            let (fetched, _) = transfer(lease, plan).await?;
            store(lease, fetched).await?;
            continue;
        }
        lease.abort_upload().await.map_err(ImportError::Ours)?;
        let mut resolved = resolve(lease.budget, sources, request).await?;
        // Other formats than before cannot be joined with what is stored.
        let Some(sound) = resolved.sound.take() else { return Err(FetchError::Changed.into()) };
        let opened = match kind {
            StreamKind::Picture => resolved,
            StreamKind::Sound => {
                check_same_picture(lease, resolved.content).await?;
                open_sound(lease, sources, &sound).await?
            }
        };
        fetch(lease, sources, opened, restarts).await?;
    }
    Ok(())
}

fn missing(lease: &Lease<'_>) -> Option<StreamKind> {
    lease.file.state.streams.as_deref().and_then(Streams::missing)
}

async fn open_sound(
    lease: &Lease<'_>,
    sources: &MediaSource,
    sound: &Sound,
) -> Result<Resolved, ImportError> {
    let opened = timeout(lease.budget.left(), sources.open_sound(sound)).await;
    Ok(opened.map_err(|_| ImportError::GivenUp(FetchError::Timeout))??)
}

/// Fetches one stream into its temporary object.
async fn fetch(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    stream: Resolved,
    restarts: u32,
) -> Result<(), ImportError> {
    let plan = plan(lease, &sources.client, stream, restarts).await?;
    let (fetched, _) = transfer(lease, plan).await?;
    store(lease, fetched).await
}

/// Completes the temporary object of the stream that has been fetched, and saves that.
async fn store(lease: &mut Lease<'_>, fetched: Fetched) -> Result<(), ImportError> {
    let (objects, size) = (lease.objects(), fetched.size());
    match (fetched, lease.file.upload_ref()) {
        (Fetched::Parts { parts, .. }, Some(upload)) => {
            let completed = objects.complete_upload(upload, &parts).await?;
            // An earlier attempt, whose response was lost, may have completed it.
            if completed == Uploaded::Gone && !has_size(&objects, lease, size).await? {
                return Err(ImportError::Lost);
            }
        }
        (Fetched::Parts { .. }, None) => {
            return Err(ImportError::Ours("the parts have no multipart upload".into()));
        }
        (Fetched::Whole { bytes, sha256 }, _) => {
            let upload = Upload { size, sha256: &sha256, content_type: None };
            objects.put_file(lease.file.owner, lease.file.id, bytes.into(), upload).await?;
        }
    }
    let state = &mut lease.file.state;
    (state.upload_id, state.resume) = (None, None);
    if let Some(streams) = &mut state.streams {
        streams.stored.push(size);
    }
    info!(file = %lease.file.id, size_bytes = size, "a separate stream is stored");
    lease.part_stored();
    lease.save().await
}

/// Returns whether the temporary object exists with this size in bytes.
async fn has_size(stream: &Objects, lease: &Lease<'_>, size: u64) -> Result<bool, ImportError> {
    match stream.head_file(lease.file.owner, lease.file.id).await {
        Ok(found) => Ok(found.size == size),
        Err(ObjectsError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Joins the streams that are stored.
async fn join_stored(lease: &mut Lease<'_>) -> Result<(Fetched, SourceMetadata), ImportError> {
    let Some(streams) = lease.file.state.streams.clone() else { return Err(ImportError::Lost) };
    for (kind, size) in StreamKind::ALL.into_iter().zip(&streams.stored) {
        // Deleted by the bucket's lifecycle rule, if the import was interrupted for days.
        if !has_size(&lease.import.objects.of_stream(kind), lease, *size).await? {
            return Err(FetchError::Changed.into());
        }
    }
    lease.abort_upload().await.map_err(ImportError::Ours)?; // of a run that crashed while the streams were joined
    let (fetched, container) = join(lease, &streams).await?;
    let name = streams.name.as_deref().map(|name| named(name, container));
    let metadata = SourceMetadata {
        name: name.as_deref().and_then(FileName::clean),
        content_type: Some(container.content_type().to_owned()),
        origin: streams.origin,
    };
    Ok((fetched, metadata))
}

/// Gives a name the extension of the container.
fn named(name: &str, container: Container) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}.{}", container.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_that_of_the_container() {
        assert_eq!(named("A film.mp4", Container::Matroska), "A film.mkv");
        assert_eq!(named("A film", Container::Mp4), "A film.mp4");
    }

    #[test]
    fn a_transient_failure_keeps_what_is_stored() {
        assert!(matches!(kept(FetchError::Timeout.into()), ImportError::GivenUp(_)));
        assert!(matches!(kept(FetchError::Changed.into()), ImportError::Source(FetchError::Changed)));
    }
}
