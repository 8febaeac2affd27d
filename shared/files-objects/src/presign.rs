use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::DateTime;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use files_domain::{BoxError, File, FileId, OwnerId, Timestamp, UploadRef, poster_object_key};
use percent_encoding::percent_decode_str;

use crate::{DownloadHeaders, Objects, ObjectsError};

/// The signed properties of a presigned PUT of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartTerms<'a> {
    /// The multipart upload.
    pub upload_id: &'a str,
    /// Number of the part, from 1.
    pub number: u32,
    /// Exact size in bytes.
    pub size: u64,
}

/// A presigned request, which any holder can send until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presigned {
    /// The URL.
    pub url: String,
    /// Headers to send, in addition to `Host` and `Content-Length`, which every client sets.
    pub headers: BTreeMap<String, String>,
    /// When it expires.
    pub expires_at: Timestamp,
}

// The holder of a presigned PUT may add unsigned headers, and S3 serves them with the object
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Overriding response header values"). Each is
// overridden, so that clients receive the bytes that the record describes.
/// The name of no content coding (RFC 9110, section 8.4.1).
const NO_ENCODING: &str = "identity";
/// An undetermined language (RFC 5646, section 4.1).
const NO_LANGUAGE: &str = "und";
/// Prevents caching, since a browser would use a cached response without CORS headers for a request with CORS.
const NOT_CACHED: &str = "private, no-store";

/// Overrides the response headers of a GET or a HEAD.
macro_rules! with_headers {
    ($request:expr, $headers:expr) => {
        $request
            .response_content_type(&$headers.content_type)
            .response_content_disposition(&$headers.content_disposition)
            .response_content_encoding(NO_ENCODING)
            .response_content_language(NO_LANGUAGE)
            .response_expires(DateTime::from_secs(0))
            .response_cache_control(NOT_CACHED)
    };
}

impl Objects {
    /// Presigns the PUT of an upload with the announced length, type and checksum. It succeeds only once.
    ///
    /// # Errors
    /// [`ObjectsError::Presigning`].
    pub async fn presign_put(&self, file: &File, now: Timestamp) -> Result<Presigned, ObjectsError> {
        let lifetime = file.upload_url_lifetime(now);
        let sha256 = file.announced_sha256.as_deref().map(base64_of_hex).transpose()?;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(file.owner, file.id))
            .content_length(i64::try_from(file.size.unwrap_or(0)).unwrap_or(i64::MAX))
            .content_type(file.content_type.as_deref().unwrap_or("application/octet-stream"))
            .if_none_match("*")
            .set_checksum_sha256(sha256);
        let request = put.presigned(config(now, lifetime)?).await.map_err(presigning)?;
        Ok(presigned(&request, now, lifetime))
    }

    /// Presigns the PUT of one part, which can be repeated until the upload is completed. S3 computes the part's checksum, since
    /// browsers do not support CRC-64/NVME. The checksum of the whole object is combined from those of the parts.
    ///
    /// # Errors
    /// [`ObjectsError::Presigning`].
    pub async fn presign_part(
        &self,
        file: &File,
        terms: PartTerms<'_>,
        now: Timestamp,
    ) -> Result<Presigned, ObjectsError> {
        let lifetime = file.upload_url_lifetime(now);
        let part = self.client.upload_part().bucket(&self.bucket).key(self.key(file.owner, file.id));
        let part = part
            .upload_id(terms.upload_id)
            .part_number(i32::try_from(terms.number).unwrap_or(i32::MAX))
            .content_length(i64::try_from(terms.size).unwrap_or(i64::MAX));
        let request = part.presigned(config(now, lifetime)?).await.map_err(presigning)?;
        Ok(presigned(&request, now, lifetime))
    }

    /// Presigns the PUT of a part of any size for `lifetime`, for a function without rights. S3 computes the part's checksum.
    ///
    /// # Errors
    /// [`ObjectsError::Presigning`].
    pub async fn presign_part_of_any_size(
        &self,
        upload: UploadRef<'_>,
        number: u32,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Presigned, ObjectsError> {
        let part = self.client.upload_part().bucket(&self.bucket).key(self.key(upload.owner, upload.id));
        let part = part.upload_id(upload.upload_id).part_number(i32::try_from(number).unwrap_or(i32::MAX));
        let request = part.presigned(config(now, lifetime)?).await.map_err(presigning)?;
        Ok(presigned(&request, now, lifetime))
    }

    /// Presigns a GET of a file's bytes or of ranges of them for `lifetime`, or until the signing credentials expire.
    ///
    /// # Errors
    /// [`ObjectsError::Presigning`].
    pub async fn presign_read(
        &self,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Presigned, ObjectsError> {
        let get = self.client.get_object().bucket(&self.bucket).key(self.key(owner, id));
        let request = get.presigned(config(now, lifetime)?).await.map_err(presigning)?;
        Ok(presigned(&request, now, lifetime))
    }

    /// Presigns a GET, or a HEAD, of a file's bytes with the response headers `headers`.
    ///
    /// # Errors
    /// [`ObjectsError::Presigning`].
    pub async fn presign_download(
        &self,
        file: &File,
        headers: &DownloadHeaders,
        head: bool,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Presigned, ObjectsError> {
        self.presign_with_headers(self.key(file.owner, file.id), headers, head, now, lifetime).await
    }

    /// Presigns a GET, or a HEAD, of a file's poster.
    ///
    /// # Errors
    /// [`ObjectsError::Presigning`].
    pub async fn presign_poster(
        &self,
        file: &File,
        head: bool,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Presigned, ObjectsError> {
        let key = poster_object_key(file.owner, file.id);
        self.presign_with_headers(key, &DownloadHeaders::poster(), head, now, lifetime).await
    }

    async fn presign_with_headers(
        &self,
        key: String,
        headers: &DownloadHeaders,
        head: bool,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Presigned, ObjectsError> {
        let config = config(now, lifetime)?;
        let request = if head {
            let head = self.client.head_object().bucket(&self.bucket).key(key);
            with_headers!(head, headers).presigned(config).await.map_err(presigning)?
        } else {
            let get = self.client.get_object().bucket(&self.bucket).key(key);
            with_headers!(get, headers).presigned(config).await.map_err(presigning)?
        };
        Ok(presigned(&request, now, lifetime))
    }
}

fn config(now: Timestamp, lifetime: Duration) -> Result<PresigningConfig, ObjectsError> {
    let start = SystemTime::UNIX_EPOCH + Duration::from_millis(now.millis());
    let config = PresigningConfig::builder().start_time(start).expires_in(lifetime);
    config.build().map_err(presigning)
}

fn presigning(error: impl Into<BoxError>) -> ObjectsError {
    ObjectsError::Presigning(error.into())
}

fn presigned(request: &PresignedRequest, now: Timestamp, lifetime: Duration) -> Presigned {
    let headers = request.headers().filter(|(name, _)| is_to_be_sent(request.uri(), name));
    Presigned {
        url: request.uri().to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        expires_at: Timestamp::from_millis((now.seconds() + lifetime.as_secs()) * 1000),
    }
}

/// Returns whether a client has to set a header: it is signed, and HTTP clients do not set it themselves. Unsigned headers of the
/// SDK, such as a trace id inside Lambda, are left out.
fn is_to_be_sent(url: &str, name: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let signed =
        query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders=")).unwrap_or_default();
    let signed = percent_decode_str(signed).decode_utf8_lossy();
    let name = name.to_ascii_lowercase();
    signed.split(';').any(|header| header == name) && !matches!(name.as_str(), "host" | "content-length")
}

pub(crate) fn base64_of_hex(hex_digest: &str) -> Result<String, ObjectsError> {
    Ok(BASE64.encode(hex::decode(hex_digest).map_err(|error| ObjectsError::other("checksum", error))?))
}

pub(crate) fn hex_of_base64(digest: &str) -> Result<String, ObjectsError> {
    Ok(hex::encode(BASE64.decode(digest).map_err(|error| ObjectsError::other("checksum", error))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signed_headers_are_required() {
        let url = "https://b.example/k?X-Amz-Expires=60&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&x=1";
        let asked = ["host", "Content-Length", "Content-Type", "x-amzn-trace-id"]
            .map(|name| is_to_be_sent(url, name));
        assert_eq!(asked, [false, false, true, false]);
    }
}
