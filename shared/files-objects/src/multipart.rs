use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use files_domain::{FileId, OwnerId, StoredPart, file_object_key};

use crate::{Objects, ObjectsError};

/// A stored part, as S3 wants it named to complete an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: i32,
    /// Its entity tag.
    pub etag: String,
    /// Its CRC-64/NVME in base64.
    pub crc64nvme: Option<String>,
}

/// The parts of an upload that S3 has, in the order of their numbers, each with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredParts(Vec<(Part, u64)>);

impl StoredParts {
    /// Bytes together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.iter().map(|(_, size)| size).sum()
    }

    /// Their numbers and sizes.
    #[must_use]
    pub fn list(&self) -> Vec<StoredPart> {
        self.0.iter().map(|(part, size)| StoredPart { number: number_of(part.number), size: *size }).collect()
    }

    /// As S3 wants them named to put them together.
    #[must_use]
    pub fn parts(self) -> Vec<Part> {
        self.0.into_iter().map(|(part, _)| part).collect()
    }
}

/// S3's numbers are from 1 to 10,000.
fn number_of(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn sized(part: aws_sdk_s3::types::Part) -> (Part, u64) {
    let size = part.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let named = Part {
        number: part.part_number.unwrap_or(0),
        etag: part.e_tag.unwrap_or_default(),
        crc64nvme: part.checksum_crc64_nvme,
    };
    (named, size)
}

/// What became of an upload that was to be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// The object is there.
    Completed,
    /// There is no such upload: it is completed already, or aborted, or not all of its parts are there.
    Gone,
}

/// S3 may take minutes to put thousands of parts together
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>).
fn patient() -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(240)).build();
    aws_sdk_s3::config::Config::builder().timeout_config(timeouts)
}

impl Objects {
    /// Begins a multipart upload that gets a CRC-64/NVME of the whole object.
    ///
    /// # Errors
    /// S3 failed.
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
    /// # Errors
    /// [`ObjectsError::NoSuchUpload`], or S3 failed.
    pub async fn upload_part(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
        number: i32,
        bytes: Bytes,
    ) -> Result<Part, ObjectsError> {
        let part = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(file_object_key(owner, id))
            .upload_id(upload_id);
        let stored = part
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .body(bytes.into())
            .send()
            .await
            .map_err(ObjectsError::from_sdk)?;
        Ok(Part { number, etag: stored.e_tag.unwrap_or_default(), crc64nvme: stored.checksum_crc64_nvme })
    }

    /// Puts the parts together.
    ///
    /// # Errors
    /// S3 failed, or refused the parts.
    pub async fn complete_upload(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<Uploaded, ObjectsError> {
        let parts = parts.iter().map(|part| {
            let completed = CompletedPart::builder().part_number(part.number).e_tag(&part.etag);
            completed.set_checksum_crc64_nvme(part.crc64nvme.clone()).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let complete =
            self.client.complete_multipart_upload().bucket(&self.bucket).key(file_object_key(owner, id));
        let complete =
            complete.upload_id(upload_id).checksum_type(ChecksumType::FullObject).multipart_upload(parts);
        match complete.customize().config_override(patient()).send().await.map_err(ObjectsError::from_sdk) {
            Ok(_) => Ok(Uploaded::Completed),
            Err(ObjectsError::NoSuchUpload) => Ok(Uploaded::Gone),
            Err(error) => Err(error),
        }
    }

    /// Completes an upload with all parts that S3 has of it, if they are `size` bytes together. Others are of a try that
    /// got no further: they count as gone.
    ///
    /// # Errors
    /// S3 failed, or refused the parts.
    pub async fn complete_stored_parts(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
        size: u64,
    ) -> Result<Uploaded, ObjectsError> {
        match self.stored_parts(owner, id, upload_id).await {
            Ok(stored) if stored.size() == size && !stored.0.is_empty() => {
                self.complete_upload(owner, id, upload_id, &stored.parts()).await
            }
            Ok(_) => Ok(Uploaded::Gone),
            Err(ObjectsError::NoSuchUpload) => Ok(Uploaded::Gone),
            Err(error) => Err(error),
        }
    }

    /// All parts that S3 has of an upload.
    ///
    /// # Errors
    /// [`ObjectsError::NoSuchUpload`], or S3 failed.
    pub async fn stored_parts(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
    ) -> Result<StoredParts, ObjectsError> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let (parts, next) = self.parts_page(owner, id, upload_id, after).await?;
            all.extend(parts);
            let Some(next) = next else { return Ok(StoredParts(all)) };
            after = next;
        }
    }

    /// One page of the stored parts, of those whose number is greater than `after`, and after which number the next one
    /// begins if there is more.
    ///
    /// # Errors
    /// [`ObjectsError::NoSuchUpload`], or S3 failed.
    pub async fn list_parts(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
        after: u32,
    ) -> Result<(Vec<StoredPart>, Option<u32>), ObjectsError> {
        let after = i32::try_from(after).unwrap_or(i32::MAX);
        let (parts, next) = self.parts_page(owner, id, upload_id, after).await?;
        Ok((StoredParts(parts).list(), next.map(number_of)))
    }

    async fn parts_page(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
        after: i32,
    ) -> Result<(Vec<(Part, u64)>, Option<i32>), ObjectsError> {
        let list = self.client.list_parts().bucket(&self.bucket).key(file_object_key(owner, id));
        let list = list.upload_id(upload_id).part_number_marker(after.to_string());
        let page = list.send().await.map_err(ObjectsError::from_sdk)?;
        let more = page.is_truncated.unwrap_or(false);
        let parts: Vec<_> = page.parts.unwrap_or_default().into_iter().map(sized).collect();
        // S3's own marker says the same, as text.
        let next = parts.last().filter(|_| more).map(|(part, _)| part.number);
        Ok((parts, next))
    }

    /// Throws the parts of an upload away. One that is already gone is no error.
    ///
    /// # Errors
    /// S3 failed.
    pub async fn abort_upload(
        &self,
        owner: OwnerId,
        id: FileId,
        upload_id: &str,
    ) -> Result<(), ObjectsError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(file_object_key(owner, id));
        match abort.upload_id(upload_id).send().await.map_err(ObjectsError::from_sdk) {
            Ok(_) | Err(ObjectsError::NoSuchUpload) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
