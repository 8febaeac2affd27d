//! Files in the states in which a handler may find them.

use bytes::Bytes;
use files_domain::{
    Caller, Detail, File, FileId, FileName, NewFile,
    OwnerId, PartPlan, ProbeDone, Probed, Scope, Source, Timestamp,
};
use files_objects::Upload;
use media_facts::{MediaType, ProbeSummary};
use sha2::{Digest as _, Sha256};

use crate::{OWNER, TestApp};

/// The bytes of an uploaded file.
pub const CONTENT: &[u8] = b"the bytes of a clip";

impl TestApp {
    /// Uploads a video of [`OWNER`] that has been probed: its status is `success`.
    pub async fn upload(&self, name: &str) -> File {
        self.upload_as(OWNER, name).await
    }

    /// Uploads a video of this owner that has been probed.
    pub async fn upload_as(&self, owner: &str, name: &str) -> File {
        let file = self.store(owner, name, NewFile::being_stored).await;
        self.put_bytes(&file).await;
        self.finish_probe(&file, video()).await
    }

    /// Uploads a file of [`OWNER`] that has not been probed: its status is `running`.
    pub async fn upload_unprobed(&self, name: &str) -> File {
        let file = self.store(OWNER, name, NewFile::being_stored).await;
        self.put_bytes(&file).await;
        file
    }

    /// Creates a file of [`OWNER`] that waits for a presigned PUT of [`CONTENT`].
    pub async fn await_upload(&self, name: &str) -> File {
        self.store(OWNER, name, NewFile::awaiting_upload).await
    }

    /// Creates a file of [`OWNER`] that waits for `size` bytes in a multipart upload.
    pub async fn await_parts(&self, name: &str, size: u64) -> File {
        let plan = PartPlan::for_size(size).expect("a size that S3 takes");
        let new = NewFile { size: Some(size), ..new(name, Source::Upload) };
        self.save(OWNER, Detail::default(), |owner, id, now| new.awaiting_parts(plan, owner, id, now)).await
    }

    /// Creates a file of [`OWNER`] that waits for its import from `url`. No message is sent.
    pub async fn await_import(&self, url: &str) -> File {
        let new = NewFile { size: None, content_type: None, ..new("import", Source::Url) };
        let detail = Detail { source_url: Some(url.to_owned()), ..Detail::default() };
        self.save(OWNER, detail, |owner, id, now| new.awaiting_import(owner, id, now)).await
    }

    /// Stores [`CONTENT`] as the bytes of a file.
    pub async fn put_bytes(&self, file: &File) {
        let sha256 = hex::encode(Sha256::digest(CONTENT));
        let upload = Upload {
            size: CONTENT.len() as u64,
            sha256: &sha256,
            content_type: file.content_type.as_deref(),
        };
        let (objects, bytes) = (self.operator().objects(), Bytes::from(CONTENT).into());
        objects.put_file(file.owner, file.id, bytes, upload).await.expect("the bytes can be stored");
    }

    /// Saves the result of a probe. Returns the record afterwards.
    pub async fn finish_probe(&self, file: &File, probed: Probed) -> File {
        let (records, objects) = (self.operator().records(), self.operator().objects());
        let object = objects.head_file(file.owner, file.id).await.expect("the object");
        let done = ProbeDone::new(object, probed, lambda_startup::now());
        records.finish_probe(file.owner, file.id, &done).await.expect("the probe can be saved");
        self.find(file).await.expect("the record")
    }

    /// Reads a file's record consistently; `None`: it is deleted.
    pub async fn find(&self, file: &File) -> Option<File> {
        match self.operator().records().get_file(file.owner, file.id).await {
            Ok((file, _)) => Some(file),
            Err(files_records::RecordsError::NotFound) => None,
            Err(error) => panic!("the record cannot be read: {error}"),
        }
    }

    /// Whether a file has bytes in S3.
    pub async fn has_bytes(&self, file: &File) -> bool {
        match self.operator().objects().head_file(file.owner, file.id).await {
            Ok(_) => true,
            Err(files_objects::ObjectsError::NotFound) => false,
            Err(error) => panic!("the object cannot be read: {error}"),
        }
    }

    async fn store(
        &self,
        owner: &str,
        name: &str,
        make: impl FnOnce(NewFile, OwnerId, FileId, Timestamp) -> File,
    ) -> File {
        let new = new(name, Source::Upload);
        self.save(owner, Detail::default(), |owner, id, now| make(new, owner, id, now)).await
    }

    async fn save(
        &self,
        owner: &str,
        detail: Detail,
        make: impl FnOnce(OwnerId, FileId, Timestamp) -> File,
    ) -> File {
        let (key, now) = (self.key(owner).await, lambda_startup::now());
        let file = make(key.owner(), FileId::new(now), now);
        let caller = Caller { key, scope: Scope::Write, now };
        let records = self.operator().client_records();
        records.create_file(&caller, &file, &detail, None).await.expect("the record can be created");
        file
    }
}

fn new(name: &str, source: Source) -> NewFile {
    NewFile {
        name: FileName::clean(name).expect("a name"),
        source,
        size: Some(CONTENT.len() as u64),
        content_type: Some("video/mp4".to_owned()),
        announced_sha256: None,
        expires_at: None,
        name_from_source: false,
    }
}

/// The result of a probe of a video.
fn video() -> Probed {
    let summary = ProbeSummary {
        width: Some(640),
        height: Some(360),
        duration: Some(2.5),
        format_name: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        ..ProbeSummary::default()
    };
    Probed::Media { media_type: MediaType::Video, summary, partial: None }
}
