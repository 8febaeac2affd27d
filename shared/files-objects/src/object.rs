use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use files_domain::{
    Checksum, FileId, ObjectMeta, OwnerId, StreamKind, Unfinished, UploadRef, poster_object_key,
    probe_object_key, stream_object_key,
};

use crate::presign::{base64_of_hex, hex_of_base64};
use crate::{Objects, ObjectsError};

/// The body of a PUT, which the SDK reads again for a retry.
pub struct Body(SdkBody);

impl Body {
    /// Returns a body that `make` builds for each attempt.
    pub fn retryable(make: impl Fn() -> SdkBody + Send + Sync + 'static) -> Self {
        Self(SdkBody::retryable(make))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(SdkBody::from(bytes))
    }
}

/// The properties of an object to store.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in hex, which S3 checks.
    pub sha256: &'a str,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
}

impl Objects {
    /// Stores a file's bytes in a single PUT.
    ///
    /// # Errors
    /// [`ObjectsError::ChecksumMismatch`], [`ObjectsError::Failed`].
    pub async fn put_file(
        &self,
        owner: OwnerId,
        id: FileId,
        body: Body,
        upload: Upload<'_>,
    ) -> Result<(), ObjectsError> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(owner, id));
        put.content_length(i64::try_from(upload.size).unwrap_or(i64::MAX))
            .checksum_sha256(base64_of_hex(upload.sha256)?)
            .set_content_type(upload.content_type.map(str::to_owned))
            .body(ByteStream::new(body.0))
            .send()
            .await
            .map_err(ObjectsError::from_sdk)?;
        Ok(())
    }

    /// Returns the metadata of a file's object.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`], [`ObjectsError::Failed`].
    pub async fn head_file(&self, owner: OwnerId, id: FileId) -> Result<ObjectMeta, ObjectsError> {
        let head = self.client.head_object().bucket(&self.bucket).key(self.key(owner, id));
        let head = head.checksum_mode(ChecksumMode::Enabled).send().await.map_err(ObjectsError::from_sdk)?;
        let checksum = match (of_the_whole(head.checksum_sha256), of_the_whole(head.checksum_crc64_nvme)) {
            (Some(digest), _) => Some(Checksum::Sha256(hex_of_base64(&digest)?)),
            (None, Some(digest)) => Some(Checksum::Crc64nvme(hex_of_base64(&digest)?)),
            (None, None) => None,
        };
        Ok(ObjectMeta {
            size: head.content_length.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            checksum,
            content_type: head.content_type,
            etag: head.e_tag.unwrap_or_default(),
        })
    }

    /// Deletes the object of a file, its probe and its poster. Ignores those that do not exist.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn delete_file(&self, owner: OwnerId, id: FileId) -> Result<(), ObjectsError> {
        tokio::try_join!(
            self.delete(self.key(owner, id)),
            self.delete(probe_object_key(owner, id)),
            self.delete(poster_object_key(owner, id))
        )?;
        Ok(())
    }

    /// Aborts the unfinished multipart upload of a file, and deletes the temporary objects of its streams, if there are any.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn discard(
        &self,
        owner: OwnerId,
        id: FileId,
        unfinished: &Unfinished,
    ) -> Result<(), ObjectsError> {
        if let Some(upload_id) = &unfinished.upload_id {
            let objects =
                unfinished.uploaded_stream().map_or_else(|| self.clone(), |kind| self.of_stream(kind));
            objects.abort_upload(UploadRef { owner, id, upload_id }).await?;
        }
        match unfinished.stored_streams {
            Some(_) => self.delete_streams(owner, id).await,
            None => Ok(()),
        }
    }

    /// Deletes the temporary objects of a file's streams. Does nothing for what does not exist.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn delete_streams(&self, owner: OwnerId, id: FileId) -> Result<(), ObjectsError> {
        let [picture, sound] = StreamKind::ALL.map(|kind| self.delete(stream_object_key(owner, id, kind)));
        tokio::try_join!(picture, sound)?;
        Ok(())
    }

    /// Deletes the bytes of a file with a presigned PUT that may still be valid: replaces them by an empty object, until
    /// [`Objects::delete_file`] deletes it. S3 rejects the PUT while the object exists, since the signature includes
    /// `If-None-Match: *`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn block_file(&self, owner: OwnerId, id: FileId) -> Result<(), ObjectsError> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(owner, id));
        let put = async { put.send().await.map(drop).map_err(ObjectsError::from_sdk) };
        tokio::try_join!(
            put,
            self.delete(probe_object_key(owner, id)),
            self.delete(poster_object_key(owner, id))
        )?;
        Ok(())
    }

    pub(crate) async fn delete(&self, key: String) -> Result<(), ObjectsError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        delete.send().await.map_err(ObjectsError::from_sdk)?;
        Ok(())
    }

    /// Stores ffprobe's compressed output that is too large for the record.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn put_probe(&self, owner: OwnerId, id: FileId, packed: Vec<u8>) -> Result<(), ObjectsError> {
        let put = self.client.put_object().bucket(&self.bucket).key(probe_object_key(owner, id));
        put.body(packed.into())
            .content_type("application/gzip")
            .send()
            .await
            .map_err(ObjectsError::from_sdk)?;
        Ok(())
    }

    /// Stores the poster of a file, a JPEG, unless the file has one: a later report of a probe cannot replace it.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn put_poster(&self, owner: OwnerId, id: FileId, jpeg: Vec<u8>) -> Result<(), ObjectsError> {
        let put = self.client.put_object().bucket(&self.bucket).key(poster_object_key(owner, id));
        let put = put.body(jpeg.into()).content_type("image/jpeg").if_none_match("*");
        match put.send().await.map_err(ObjectsError::from_sdk) {
            Ok(_) | Err(ObjectsError::Changed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads the output that [`Objects::put_probe`] stored.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`], [`ObjectsError::Failed`].
    pub async fn get_probe(&self, owner: OwnerId, id: FileId) -> Result<Bytes, ObjectsError> {
        let get = self.client.get_object().bucket(&self.bucket).key(probe_object_key(owner, id));
        let object = get.send().await.map_err(ObjectsError::from_sdk)?;
        let bytes = object.body.collect().await.map_err(|error| ObjectsError::other("body", error))?;
        Ok(bytes.into_bytes())
    }
}

/// Returns the checksum if it is of the whole object. A checksum of the parts' checksums ends in the number of parts, as in `…=-3`.
fn of_the_whole(digest: Option<String>) -> Option<String> {
    digest.filter(|digest| !digest.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_of_checksums_is_rejected() {
        let whole = Some("rosUhgp5mIg=".to_owned());
        assert_eq!(of_the_whole(whole.clone()), whole);
        assert_eq!(of_the_whole(Some("rosUhgp5mIg=-3".to_owned())), None);
        assert_eq!(of_the_whole(None), None);
    }
}
