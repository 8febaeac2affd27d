//! Times, files and objects for the tests.

use std::time::Duration;

use files_domain::{
    Checksum, File, FileId, FileName, ImportedObject, MediaType, NewFile, ObjectMeta, OwnerId, ProbeDone,
    ProbeSummary, Probed, Timestamp,
};
use files_records::{Records, RecordsError};

/// Returns the time `millis` milliseconds after the start of a test, which is a whole second.
pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}

/// Returns a time at which everything is due.
pub(crate) fn far_future() -> Timestamp {
    Timestamp::from_millis(u64::MAX)
}

pub(crate) fn new_file(size: Option<u64>, expires_at: Option<Timestamp>) -> NewFile {
    let name = FileName::clean("clip ü🎬.mp4").expect("a name");
    NewFile { name, size, content_type: None, announced_sha256: None, expires_at }
}

/// Returns S3's metadata of an object of `size` bytes.
pub(crate) fn object(size: u64) -> ObjectMeta {
    ObjectMeta {
        size,
        checksum: Some(Checksum::Crc64nvme("00000000deadbeef".to_owned())),
        content_type: Some("video/mp4".to_owned()),
        etag: "\"etag\"".to_owned(),
    }
}

pub(crate) fn media(media_type: MediaType) -> Probed {
    let summary = ProbeSummary {
        width: Some(1920),
        height: Some(1080),
        duration: Some(12.48),
        format_name: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        ..ProbeSummary::default()
    };
    Probed::Media { media_type, summary, partial: None }
}

/// Returns a probe that found a video of `size` bytes.
pub(crate) fn video(size: u64, now: Timestamp) -> ProbeDone {
    ProbeDone::new(object(size), media(MediaType::Video), now)
}

/// Returns the result of an import of `size` bytes.
pub(crate) fn imported(size: u64) -> ImportedObject {
    ImportedObject {
        size,
        checksum: Some(Checksum::Sha256("ab".repeat(32))),
        content_type: Some("video/webm".to_owned()),
        name: FileName::clean("source.webm"),
        upload_id: Some("upload-1".to_owned()),
    }
}

/// Fails a file unless its status is terminal.
pub(crate) async fn fail_file(
    records: &Records,
    owner: OwnerId,
    id: FileId,
    error: &str,
    now: Timestamp,
) -> Result<Option<File>, RecordsError> {
    records.change_file(owner, id, |file| file.failed(error, now)).await
}
