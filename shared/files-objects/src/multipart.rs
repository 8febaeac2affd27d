use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use files_domain::{BoxError, Checksum, FileId, OwnerId, StoredPart, UploadRef, file_object_key};
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::{Objects, ObjectsError};

/// A stored part, as `CompleteMultipartUpload` requires it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the part, from 1.
    pub number: i32,
    /// Size in bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: String,
    /// CRC-64/NVME in base64.
    pub crc64nvme: Option<String>,
}

/// The parts of an upload that S3 has, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredParts(Vec<Part>);

impl StoredParts {
    /// Returns the total size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.iter().map(|part| part.size).sum()
    }

    /// Returns the numbers and sizes.
    #[must_use]
    pub fn list(&self) -> Vec<StoredPart> {
        self.0.iter().map(|part| StoredPart { number: number_of(part.number), size: part.size }).collect()
    }

    /// Returns the parts as `CompleteMultipartUpload` requires them.
    #[must_use]
    pub fn parts(self) -> Vec<Part> {
        self.0
    }
}

/// Converts a part number, which is from 1 to 10,000.
fn number_of(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn stored(part: aws_sdk_s3::types::Part) -> Part {
    Part {
        number: part.part_number.unwrap_or(0),
        size: part.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        etag: part.e_tag.unwrap_or_default(),
        crc64nvme: part.checksum_crc64_nvme,
    }
}

/// The result of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// The object exists.
    Completed,
    /// The upload does not exist (it is completed or aborted), or parts of it are missing.
    Gone,
}

/// Returns a configuration with a long timeout: S3 may take minutes to complete an upload of thousands of parts
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>).
fn with_long_timeout() -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(240)).build();
    aws_sdk_s3::config::Config::builder().timeout_config(timeouts)
}

/// Returns a configuration without timeouts: a streamed part takes as long as its sender, which watches the progress.
fn without_timeouts() -> aws_sdk_s3::config::Builder {
    let timeouts =
        TimeoutConfig::builder().disable_read_timeout().disable_operation_attempt_timeout().build();
    aws_sdk_s3::config::Config::builder()
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Combines the CRC-64/NVME of all parts in their order; `None` if one of them is unknown.
fn crc64nvme_of_whole(parts: &[Part]) -> Option<u64> {
    let sums = parts.iter().map(|part| Some((crc64nvme(part)?, part.size)));
    let sums: Vec<(u64, u64)> = sums.collect::<Option<_>>()?;
    let combine = |(whole, total), (next, size)| {
        (crc_fast::checksum_combine(CrcAlgorithm::Crc64Nvme, whole, next, size), total + size)
    };
    sums.into_iter().reduce(combine).map(|(whole, _)| whole)
}

fn crc64nvme(part: &Part) -> Option<u64> {
    let raw = BASE64.decode(part.crc64nvme.as_ref()?).ok()?;
    Some(u64::from_be_bytes(raw.try_into().ok()?))
}

/// Returns the checksum of the whole object by those of its parts in their order; `None` if one of them is unknown.
#[must_use]
pub fn checksum_of_parts(parts: &[Part]) -> Option<Checksum> {
    crc64nvme_of_whole(parts).map(|crc| Checksum::Crc64nvme(format!("{crc:016x}")))
}

/// The bytes of a part as a stream.
#[derive(Debug)]
pub struct PartBytes {
    chunks: mpsc::Receiver<Bytes>,
    left: u64,
}

impl PartBytes {
    /// Returns a sender and the part of exactly `size` bytes that it sends. If the sender is dropped earlier, sending the part
    /// fails.
    #[must_use]
    pub fn channel(size: u64) -> (mpsc::Sender<Bytes>, Self) {
        let (sender, chunks) = mpsc::channel(1); // a larger buffer only costs memory
        (sender, Self { chunks, left: size })
    }
}

/// The bytes of a part: in memory, or as a stream.
#[derive(Debug)]
pub enum PartBody {
    /// All bytes are in memory.
    Whole(Bytes),
    /// The bytes arrive while the part is sent.
    Streamed(PartBytes),
}

impl From<Bytes> for PartBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<PartBytes> for PartBody {
    fn from(bytes: PartBytes) -> Self {
        Self::Streamed(bytes)
    }
}

impl http_body::Body for PartBytes {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.chunks.poll_recv(context));
        Poll::Ready(Some(match chunk {
            Some(chunk) if chunk.len() as u64 <= self.left => {
                self.left -= chunk.len() as u64;
                Ok(Frame::data(chunk))
            }
            Some(_) => Err("more bytes than the size of the part".into()),
            None => Err("the stream of the part ended early".into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Objects {
    /// Creates a multipart upload with a CRC-64/NVME of the whole object. Returns its id.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn create_upload(
        &self,
        owner: OwnerId,
        id: FileId,
        content_type: Option<&str>,
    ) -> Result<String, ObjectsError> {
        let create =
            self.client.create_multipart_upload().bucket(&self.bucket).key(file_object_key(owner, id));
        let created = create
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .set_content_type(content_type.map(str::to_owned))
            .send()
            .await
            .map_err(ObjectsError::from_sdk)?;
        created
            .upload_id
            .ok_or_else(|| ObjectsError::other("no upload id", "CreateMultipartUpload without an id"))
    }

    /// Stores one part.
    ///
    /// The SDK retries a part whose bytes are in memory. A streamed part is sent once and without a timeout, since its
    /// sender determines the rate.
    ///
    /// # Errors
    /// [`ObjectsError::NoSuchUpload`]; [`ObjectsError::Failed`]: S3 failed, or the stream ended early.
    pub async fn put_part(
        &self,
        upload: UploadRef<'_>,
        number: i32,
        bytes: impl Into<PartBody>,
    ) -> Result<Part, ObjectsError> {
        let (size, body, is_streamed) = match bytes.into() {
            PartBody::Whole(bytes) => (bytes.len() as u64, bytes.into(), false),
            PartBody::Streamed(bytes) => (bytes.left, ByteStream::new(SdkBody::from_body_1_x(bytes)), true),
        };
        let part =
            self.client.upload_part().bucket(&self.bucket).key(file_object_key(upload.owner, upload.id));
        let part = part
            .upload_id(upload.upload_id)
            .part_number(number)
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .body(body)
            .customize();
        let part = if is_streamed { part.config_override(without_timeouts()) } else { part };
        let stored = part.send().await.map_err(ObjectsError::from_sdk)?;
        Ok(Part {
            number,
            size,
            etag: stored.e_tag.unwrap_or_default(),
            crc64nvme: stored.checksum_crc64_nvme,
        })
    }

    /// Completes an upload. S3 checks the object against the checksums and sizes of the parts.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`]: S3 failed, or refused the parts.
    pub async fn complete_upload(
        &self,
        upload: UploadRef<'_>,
        parts: &[Part],
    ) -> Result<Uploaded, ObjectsError> {
        let whole = crc64nvme_of_whole(parts).map(|crc| BASE64.encode(crc.to_be_bytes()));
        let parts = parts.iter().map(|part| {
            let completed = CompletedPart::builder().part_number(part.number).e_tag(&part.etag);
            completed.set_checksum_crc64_nvme(part.crc64nvme.clone()).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let complete = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(file_object_key(upload.owner, upload.id));
        let complete = complete
            .upload_id(upload.upload_id)
            .checksum_type(ChecksumType::FullObject)
            .set_checksum_crc64_nvme(whole)
            .multipart_upload(parts);
        match complete
            .customize()
            .config_override(with_long_timeout())
            .send()
            .await
            .map_err(ObjectsError::from_sdk)
        {
            Ok(_) => Ok(Uploaded::Completed),
            Err(ObjectsError::NoSuchUpload) => Ok(Uploaded::Gone),
            Err(error) => Err(error),
        }
    }

    /// Completes an upload with all its stored parts, if their total size is `size` bytes. Otherwise they are incomplete, and the
    /// result is [`Uploaded::Gone`].
    ///
    /// # Errors
    /// [`ObjectsError::Failed`]: S3 failed, or refused the parts.
    pub async fn complete_stored_parts(
        &self,
        upload: UploadRef<'_>,
        size: u64,
    ) -> Result<Uploaded, ObjectsError> {
        match self.stored_parts(upload).await {
            Ok(stored) if stored.size() == size && !stored.0.is_empty() => {
                self.complete_upload(upload, &stored.parts()).await
            }
            Ok(_) => Ok(Uploaded::Gone),
            Err(ObjectsError::NoSuchUpload) => Ok(Uploaded::Gone),
            Err(error) => Err(error),
        }
    }

    /// Lists all stored parts of an upload.
    ///
    /// # Errors
    /// [`ObjectsError::NoSuchUpload`], [`ObjectsError::Failed`].
    pub async fn stored_parts(&self, upload: UploadRef<'_>) -> Result<StoredParts, ObjectsError> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let (parts, next) = self.parts_page(upload, after).await?;
            all.extend(parts);
            let Some(next) = next else { return Ok(StoredParts(all)) };
            after = next;
        }
    }

    /// Lists one page of the stored parts with numbers greater than `after`. Returns them and the number after which the next
    /// page begins, if there is one.
    ///
    /// # Errors
    /// [`ObjectsError::NoSuchUpload`], [`ObjectsError::Failed`].
    pub async fn list_parts(
        &self,
        upload: UploadRef<'_>,
        after: u32,
    ) -> Result<(Vec<StoredPart>, Option<u32>), ObjectsError> {
        let after = i32::try_from(after).unwrap_or(i32::MAX);
        let (parts, next) = self.parts_page(upload, after).await?;
        Ok((StoredParts(parts).list(), next.map(number_of)))
    }

    async fn parts_page(
        &self,
        upload: UploadRef<'_>,
        after: i32,
    ) -> Result<(Vec<Part>, Option<i32>), ObjectsError> {
        let list =
            self.client.list_parts().bucket(&self.bucket).key(file_object_key(upload.owner, upload.id));
        let list = list.upload_id(upload.upload_id).part_number_marker(after.to_string());
        let page = list.send().await.map_err(ObjectsError::from_sdk)?;
        let more = page.is_truncated.unwrap_or(false);
        let parts: Vec<_> = page.parts.unwrap_or_default().into_iter().map(stored).collect();
        // Equals S3's `NextPartNumberMarker`, which is text.
        let next = parts.last().filter(|_| more).map(|part| part.number);
        Ok((parts, next))
    }

    /// Aborts an upload and deletes its parts. Does nothing if it does not exist.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn abort_upload(&self, upload: UploadRef<'_>) -> Result<(), ObjectsError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket);
        let abort = abort.key(file_object_key(upload.owner, upload.id));
        match abort.upload_id(upload.upload_id).send().await.map_err(ObjectsError::from_sdk) {
            Ok(_) | Err(ObjectsError::NoSuchUpload) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
