//! The objects in S3: presigned URLs, whole objects, multipart uploads.

mod disposition;
mod error;
mod list;
mod multipart;
mod object;
mod presign;

pub use disposition::{Disposition, DownloadHeaders};
pub use error::ObjectsError;
pub use list::{ListedObject, ObjectKind, ObjectsPage};
pub use multipart::{Part, PartBody, PartBytes, StoredParts, Uploaded, checksum_of_parts};
pub use object::{Body, Upload};
pub use presign::{PartTerms, Presigned};

use aws_sdk_s3::Client;
use files_domain::{FileId, OwnerId, StreamKind, file_object_key, stream_object_key};

/// The bucket of one deployment.
#[derive(Clone, Debug)]
pub struct Objects {
    client: Client,
    bucket: String,
    /// The stream whose temporary objects these are; `None` for the files' own objects.
    stream: Option<StreamKind>,
}

impl Objects {
    /// Returns the objects in `bucket`.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), stream: None }
    }

    /// Returns the temporary objects of a stream of the files: every method is for these instead of the files' own objects.
    #[must_use]
    pub fn of_stream(&self, kind: StreamKind) -> Self {
        Self { stream: Some(kind), ..self.clone() }
    }

    /// Returns the key of a file's object, or of the temporary object of its stream.
    fn key(&self, owner: OwnerId, id: FileId) -> String {
        match self.stream {
            Some(kind) => stream_object_key(owner, id, kind),
            None => file_object_key(owner, id),
        }
    }

    /// Returns the bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}
