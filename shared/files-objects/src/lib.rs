//! The objects in S3: presigned URLs, whole objects, multipart uploads, ranges.

mod disposition;
mod error;
mod list;
mod multipart;
mod object;
mod presign;
mod range;

pub use disposition::{Disposition, Served};
pub use error::ObjectsError;
pub use list::{ListedObject, ObjectKind, ObjectsPage};
pub use multipart::{Part, PartBody, PartBytes, StoredParts, Uploaded, checksum_of_parts};
pub use object::{Body, Upload};
pub use presign::{PartTerms, Presigned};

use aws_sdk_s3::Client;

/// The bucket of one deployment.
#[derive(Clone, Debug)]
pub struct Objects {
    client: Client,
    bucket: String,
}

impl Objects {
    /// Returns the objects in `bucket`.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// Returns the bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}
