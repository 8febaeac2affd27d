//! Records and bytes as killed functions leave them.

use bytes::Bytes;
use files_domain::{
    ApiKey, Caller, Checksum, Detail, File, FileId, FileName, FileState, ImportedObject, NewFile, Scope,
    StreamKind, Streams, stream_object_key,
};
use files_records::Created;
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::{Owner, media};
use serde_json::Value;

use crate::recovery::LONG_AGO;

fn new(size: Option<u64>) -> NewFile {
    let name = FileName::fallback();
    NewFile { name, size, content_type: None, announced_sha256: None, expires_at: None }
}

async fn create(owner: &Owner, file: File, detail: Detail) -> File {
    let key = ApiKey::parse(owner.key()).expect("a key");
    let access = Caller { principal: key.into(), scope: Scope::Write, now: now() };
    let created = owner.backend.client_records().create_file(&access, &file, &detail, None).await;
    assert!(matches!(created, Ok(Created::New)), "{created:?}");
    file
}

/// Creates an import whose message was not sent.
pub(crate) async fn import(owner: &Owner, url: &str) -> File {
    let file = new(None).awaiting_import(true, owner.backend.owner, FileId::new(now()), now()).into();
    create(owner, file, Detail { source_url: Some(url.to_owned()), ..Detail::default() }).await
}

/// Creates an uploaded file whose bytes did not reach S3.
pub(crate) async fn unstored(owner: &Owner) -> File {
    let file = new(Some(9)).being_stored(owner.backend.owner, FileId::new(now()), now());
    create(owner, file, Detail::default()).await
}

/// Creates an import whose worker stored all parts, and was killed before completing the upload.
pub(crate) async fn uncompleted(owner: &Owner, url: &str, bytes: &Bytes) -> File {
    let before = import(owner, url).await;
    let object = ImportedObject {
        size: bytes.len() as u64,
        checksum: Some(Checksum::Sha256(media::sha256(bytes))),
        content_type: None,
        name: None,
        upload_id: Some(owner.backend.begin_upload(&before.id.to_string(), bytes.clone()).await),
    };
    let after = before.clone().imported(object, now()).expect("an import");
    owner.backend.records().save_file(&before, &after).await.expect("no concurrent write");
    after
}

/// Creates an import whose tries are used up, with one stored part.
pub(crate) async fn given_up(owner: &Owner, url: &str) -> File {
    let before = import(owner, url).await;
    let mut after = before.clone();
    after.generation = 1;
    let FileState::Importing(import) = &mut after.state else { panic!("{before:?}") };
    import.lease_until = Some(before.updated_at); // a finished worker would have released the lease
    import.upload_id = Some(owner.backend.begin_upload(&before.id.to_string(), media::PNG.clone()).await);
    if let Some(deadline) = &mut after.deadline {
        deadline.tries = files_domain::limits::MAX_DUE_TRIES;
    }
    owner.backend.records().save_file(&before, &after).await.expect("no concurrent write");
    after
}

/// Creates an import of separate streams whose tries are used up, with a stored picture and a part of the sound.
pub(crate) async fn given_up_join(owner: &Owner, url: &str) -> File {
    let before = import(owner, url).await;
    let key = |kind| stream_object_key(owner.backend.owner, before.id, kind);
    owner.backend.put_object(&key(StreamKind::Picture), media::PNG.clone()).await;
    let upload = owner.backend.begin_upload_of(&key(StreamKind::Sound), media::WAV.clone()).await;
    let mut after = before.clone();
    after.generation = 1;
    let FileState::Importing(import) = &mut after.state else { panic!("{before:?}") };
    import.lease_until = Some(before.updated_at); // a finished worker would have released the lease
    import.upload_id = Some(upload);
    import.streams = Some(Box::new(Streams {
        stored: vec![media::PNG.len() as u64],
        content_type: "video/mp4".to_owned(),
        ..Streams::default()
    }));
    if let Some(deadline) = &mut after.deadline {
        deadline.tries = files_domain::limits::MAX_DUE_TRIES;
    }
    owner.backend.records().save_file(&before, &after).await.expect("no concurrent write");
    after
}

/// Creates a stored file whose event was lost: its record still waits for the bytes.
pub(crate) async fn unprobed(owner: &Owner) -> Value {
    let file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    let before = owner.backend.file_item(id(&file)).await;
    owner.put(&file, media::PNG.clone()).await.expect(200);
    owner.wait_until_success(&file).await;
    owner.backend.put_item(before).await;
    file
}

/// Sets the deadline of a file's scheduled work to the past.
pub(crate) async fn make_due(owner: &Owner, id: &str) {
    owner.backend.set_numbers(&format!("file#{id}"), &[("due_at", LONG_AGO)]).await;
}
