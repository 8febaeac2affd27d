use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use files_domain::BoxError;

/// The error of an operation on the objects.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The multipart upload does not exist: it is completed or aborted.
    #[error("no such multipart upload")]
    NoSuchUpload,
    /// The bytes do not match their checksum.
    #[error("the bytes do not match their checksum")]
    ChecksumMismatch,
    /// The object has changed since it was read.
    #[error("the object has changed")]
    Changed,
    /// A URL cannot be presigned.
    #[error("the URL cannot be presigned")]
    Presigning(#[source] BoxError),
    /// S3 refused or failed.
    #[error("S3: {code}")]
    Failed {
        /// S3's error code (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>), or `no response`.
        code: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
}

impl ObjectsError {
    pub(crate) fn from_sdk<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (error.code(), status) {
            (Some("NoSuchUpload"), _) => Self::NoSuchUpload,
            (Some("BadDigest" | "XAmzContentChecksumMismatch"), _) => Self::ChecksumMismatch,
            (Some("NoSuchKey" | "NotFound"), _) | (None, Some(404)) => Self::NotFound,
            (Some("PreconditionFailed"), _) | (None, Some(412)) => Self::Changed,
            (code, _) => {
                Self::Failed { code: code.unwrap_or("no response").to_owned(), source: error.into() }
            }
        }
    }

    pub(crate) fn other(code: &str, source: impl Into<BoxError>) -> Self {
        Self::Failed { code: code.to_owned(), source: source.into() }
    }
}
