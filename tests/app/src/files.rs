use std::time::Duration;

use bytes::Bytes;
use files_domain::{
    Caller, Detail, File, FileId, FileName, FileState, MultipartUpload, NewFile, PartPlan, ProbeDone, Probed,
    Scope, Timestamp,
};
use files_objects::Upload;
use files_records::RecordsError;
use media_facts::{MediaType, ProbeSummary};
use sha2::{Digest as _, Sha256};

use crate::{OWNER, TestApp};

/// The bytes of an uploaded file.
pub const CONTENT: &[u8] = b"the bytes of a clip";

/// A file to create in a given state.
#[must_use]
pub struct FileBuilder<'a> {
    app: &'a TestApp,
    owner: String,
    name: String,
    age: Duration,
    expires_at: Option<Timestamp>,
    webhook: Option<String>,
}

impl FileBuilder<'_> {
    /// Sets another owner than [`OWNER`].
    pub fn of(self, owner: &str) -> Self {
        Self { owner: owner.to_owned(), ..self }
    }

    /// Sets the age of the file.
    pub fn aged(self, age: Duration) -> Self {
        Self { age, ..self }
    }

    /// Sets the time from which the file is expired.
    pub fn expires_at(self, at: Timestamp) -> Self {
        Self { expires_at: Some(at), ..self }
    }

    /// Sets the webhook of the file.
    pub fn webhook(self, url: &str) -> Self {
        Self { webhook: Some(url.to_owned()), ..self }
    }

    /// Creates a video with the bytes [`CONTENT`], stored and probed: its status is `success`.
    pub async fn uploaded(self) -> File {
        let app = self.app;
        let file = self.unprobed().await;
        app.finish_probe(&file, video()).await
    }

    /// Creates a video as [`FileBuilder::uploaded`] does, with these bytes as its poster.
    pub async fn poster(self, jpeg: &[u8]) -> File {
        let app = self.app;
        let file = self.unprobed().await;
        let (records, objects) = (app.operator().records(), app.operator().objects());
        objects.put_poster(file.owner, file.id, jpeg.to_vec()).await.expect("the poster can be stored");
        let object = objects.head_file(file.owner, file.id).await.expect("the object");
        let done = ProbeDone { poster: true, ..ProbeDone::new(object, video(), lambda_startup::now()) };
        records.finish_probe(file.owner, file.id, &done).await.expect("the probe can be saved");
        app.find(&file).await.expect("the record")
    }

    /// Creates a file with the bytes [`CONTENT`], stored and not probed: its status is `running`.
    pub async fn unprobed(self) -> File {
        let (app, new) = (self.app, self.new_file());
        let file =
            self.save(Detail::default(), |caller, id, now| new.being_stored(caller.owner(), id, now)).await;
        app.put_bytes(&file).await;
        file
    }

    /// Creates a file that waits for a presigned PUT of [`CONTENT`].
    pub async fn awaiting_upload(self) -> File {
        let new = self.new_file();
        self.save(Detail::default(), |caller, id, now| new.awaiting_upload(caller.owner(), id, now)).await
    }

    /// Creates a file that waits for `size` bytes in a multipart upload.
    pub async fn awaiting_parts(self, size: u64) -> File {
        let plan = PartPlan::for_size(size).expect("a size within the limits of S3");
        let new = NewFile { size: Some(size), ..self.new_file() };
        self.save(Detail::default(), |caller, id, now| new.awaiting_parts(plan, caller.owner(), id, now))
            .await
    }

    /// Creates a file that waits for its import from `url`. No message is sent.
    pub async fn awaiting_import(self, url: &str) -> File {
        let new = NewFile { size: None, content_type: None, ..self.new_file() };
        let detail = Detail { source_url: Some(url.to_owned()), ..Detail::default() };
        self.save(detail, |caller, id, now| new.awaiting_import(false, caller.owner(), id, now).into()).await
    }

    fn new_file(&self) -> NewFile {
        NewFile {
            name: FileName::clean(&self.name).expect("a name"),
            size: Some(CONTENT.len() as u64),
            content_type: Some("video/mp4".to_owned()),
            announced_sha256: None,
            expires_at: self.expires_at,
        }
    }

    async fn save(self, detail: Detail, make: impl FnOnce(&Caller, FileId, Timestamp) -> File) -> File {
        let (key, now) = (self.app.key(&self.owner).await, lambda_startup::now());
        let caller = Caller { principal: key.into(), scope: Scope::Write, now };
        let age = u64::try_from(self.age.as_millis()).expect("an age");
        let created = Timestamp::from_millis(now.millis() - age);
        let file = make(&caller, FileId::new(created), created);
        let file = File { notify: self.webhook.is_some(), ..file };
        let detail = Detail { webhook: self.webhook, ..detail };
        let records = self.app.operator().client_records();
        records.create_file(&caller, &file, &detail, None).await.expect("the record can be created");
        file
    }
}

impl TestApp {
    /// Starts to create a file of [`OWNER`].
    pub fn file(&self, name: &str) -> FileBuilder<'_> {
        FileBuilder {
            app: self,
            owner: OWNER.to_owned(),
            name: name.to_owned(),
            age: Duration::ZERO,
            expires_at: None,
            webhook: None,
        }
    }

    /// Creates a file of [`OWNER`] that is uploaded and probed.
    pub async fn upload(&self, name: &str) -> File {
        self.file(name).uploaded().await
    }

    /// Stores [`CONTENT`] as a file's bytes.
    pub async fn put_bytes(&self, file: &File) {
        let sha256 = hex::encode(Sha256::digest(CONTENT));
        let content_type = file.content_type.as_deref();
        let upload = Upload { size: CONTENT.len() as u64, sha256: &sha256, content_type };
        let (objects, bytes) = (self.operator().objects(), Bytes::from(CONTENT).into());
        objects.put_file(file.owner, file.id, bytes, upload).await.expect("the bytes can be stored");
    }

    /// Creates the multipart upload of a file that waits for parts, as sign-parts does for the first of them.
    pub async fn start_parts(&self, file: &File) {
        let (records, objects) = (self.operator().records(), self.operator().objects());
        let upload = objects.create_upload(file.owner, file.id, file.content_type.as_deref()).await;
        let upload = upload.expect("the upload can be created");
        let start = |file: File| {
            let (file, state) = file.split();
            let FileState::AwaitingParts(parts) = state else { panic!("{state:?}") };
            Some(file.with_state(FileState::AwaitingParts(MultipartUpload {
                upload_id: Some(upload.clone()),
                ..parts
            })))
        };
        let started = records.change_read_file(file.clone(), start).await.expect("the record can be changed");
        started.expect("the file waits for parts");
    }

    /// Stores a part of a file's multipart upload with the announced size.
    pub async fn put_part(&self, file: &File, number: u32) {
        let file = self.find(file).await.expect("the record");
        let length = file.part_plan().and_then(|plan| plan.length(number)).expect("a part");
        let bytes = Bytes::from(vec![b'p'; usize::try_from(length).expect("a part")]);
        let upload = file.upload_ref().expect("an upload");
        let number = i32::try_from(number).expect("a number");
        self.operator().objects().put_part(upload, number, bytes).await.expect("the part can be stored");
    }

    /// Saves the result of a probe. Returns the record afterwards.
    pub async fn finish_probe(&self, file: &File, probed: Probed) -> File {
        let (records, objects) = (self.operator().records(), self.operator().objects());
        let object = objects.head_file(file.owner, file.id).await.expect("the object");
        let done = ProbeDone::new(object, probed, lambda_startup::now());
        records.finish_probe(file.owner, file.id, &done).await.expect("the probe can be saved");
        self.find(file).await.expect("the record")
    }

    /// Reads a file's record consistently, or returns `None` if it is deleted.
    pub async fn find(&self, file: &File) -> Option<File> {
        match self.operator().records().get_file(file.owner, file.id).await {
            Ok((file, _)) => Some(file),
            Err(RecordsError::NotFound) => None,
            Err(error) => panic!("the record cannot be read: {error}"),
        }
    }

    /// Returns whether a file has bytes in S3.
    pub async fn has_bytes(&self, file: &File) -> bool {
        match self.operator().objects().head_file(file.owner, file.id).await {
            Ok(_) => true,
            Err(files_objects::ObjectsError::NotFound) => false,
            Err(error) => panic!("the object cannot be read: {error}"),
        }
    }
}

/// Returns the result of a probe of a video.
#[must_use]
pub fn video() -> Probed {
    let summary = ProbeSummary {
        width: Some(640),
        height: Some(360),
        duration: Some(2.5),
        format_name: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        ..ProbeSummary::default()
    };
    Probed::Media { media_type: MediaType::Video, summary, partial: None }
}
