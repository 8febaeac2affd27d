use crate::{
    Checksum, Deadline, EarlierNames, File, FileId, FileName, FileState, Import, MultipartUpload, OwnerId,
    PartPlan, Probing, Source, Timestamp, limits,
};

/// A file to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFile {
    /// The name.
    pub name: FileName,
    /// Size in bytes, if it is known.
    pub size: Option<u64>,
    /// Media type.
    pub content_type: Option<String>,
    /// SHA-256 in hex that the bytes must have.
    pub announced_sha256: Option<String>,
    /// When the file expires.
    pub expires_at: Option<Timestamp>,
}

impl NewFile {
    /// Returns the record of an upload by a single presigned PUT.
    #[must_use]
    pub fn awaiting_upload(self, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        let until = now.plus(limits::UPLOAD_WINDOW);
        let file = self.record(owner, id, Source::Upload, now, until);
        File { presigned_put: true, ..file }.with_state(FileState::AwaitingUpload)
    }

    /// Returns the record of a multipart upload.
    #[must_use]
    pub fn awaiting_parts(self, plan: PartPlan, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        let upload = MultipartUpload { part_size: plan.part_size(), upload_id: None };
        let until = now.plus(limits::UPLOAD_WINDOW);
        self.record(owner, id, Source::Upload, now, until).with_state(FileState::AwaitingParts(upload))
    }

    /// Returns the record of an import to queue. With `name_from_source`, the file takes its name from the source.
    #[must_use]
    pub fn awaiting_import(
        self,
        name_from_source: bool,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> File<Import> {
        let until = now.plus(limits::IMPORT_SEND_GRACE);
        let import = Import { name_from_source, ..Import::default() };
        self.record(owner, id, Source::Url, now, until).with_state(import)
    }

    /// Returns the record of a file whose bytes are in the request.
    #[must_use]
    pub fn being_stored(self, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        let checksum = self.announced_sha256.clone().map(Checksum::Sha256);
        let file = self.record(owner, id, Source::Upload, now, now.plus(limits::PROBE_GRACE));
        File { checksum, ..file }.with_state(FileState::Probing(Probing::default()))
    }

    fn record(
        self,
        owner: OwnerId,
        id: FileId,
        source: Source,
        now: Timestamp,
        until: Timestamp,
    ) -> File<()> {
        // A file may expire before it is finished.
        let until = self.expires_at.map_or(until, |at| at.min(until));
        File {
            id,
            owner,
            name: self.name,
            earlier_names: EarlierNames::default(),
            source,
            updated_at: now,
            version: 1,
            generation: 0,
            size: self.size,
            content_type: self.content_type,
            checksum: None,
            announced_sha256: self.announced_sha256,
            presigned_put: false,
            upload_token: None,
            notify: false,
            expires_at: self.expires_at,
            deadline: Some(Deadline::new(until)),
            state: (),
        }
    }
}
