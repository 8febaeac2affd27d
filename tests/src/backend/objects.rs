use std::collections::BTreeMap;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use files_domain::{FileId, file_object_key};

use super::Backend;

/// The folders of the bucket.
const FOLDERS: [&str; 4] = ["files", "probes", "posters", "streams"];

impl Backend {
    /// Returns the key of a file's object.
    #[must_use]
    pub fn object_key(&self, id: &str) -> String {
        file_object_key(self.owner, id.parse::<FileId>().expect("an id"))
    }

    /// Returns the keys of all objects of the owner, and of unfinished uploads (marked with a question mark).
    pub async fn objects(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for folder in FOLDERS {
            let prefix = format!("{folder}/{}/", self.owner);
            let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(&prefix);
            let objects = list.send().await.expect("the bucket can be listed").contents.unwrap_or_default();
            keys.extend(objects.into_iter().filter_map(|object| object.key));
            let list = self.s3.list_multipart_uploads().bucket(&self.bucket).prefix(&prefix);
            let uploads = list.send().await.expect("the bucket can be listed").uploads.unwrap_or_default();
            keys.extend(uploads.into_iter().filter_map(|upload| Some(format!("{}?", upload.key?))));
        }
        keys
    }

    /// Returns the keys of [`objects`](Self::objects) but for posters.
    pub async fn objects_but_posters(&self) -> Vec<String> {
        let mut keys = self.objects().await;
        keys.retain(|key| !key.starts_with("posters/"));
        keys
    }

    /// Returns the sizes of all objects of the owner, by key.
    pub async fn object_sizes(&self) -> BTreeMap<String, i64> {
        let mut sizes = BTreeMap::new();
        for folder in FOLDERS {
            let list = self.s3.list_objects_v2().bucket(&self.bucket);
            let mut pages = list.prefix(format!("{folder}/{}/", self.owner)).into_paginator().send();
            while let Some(page) = pages.next().await {
                let objects = page.expect("the bucket can be listed").contents.unwrap_or_default();
                sizes.extend(objects.into_iter().filter_map(|object| Some((object.key?, object.size?))));
            }
        }
        sizes
    }

    /// Returns the keys of the owner's unfinished uploads, each with its number of parts (of the first thousand).
    pub async fn unfinished_uploads(&self) -> Vec<(String, usize)> {
        let mut uploads = Vec::new();
        for folder in ["files", "streams"] {
            let list = self.s3.list_multipart_uploads().bucket(&self.bucket);
            let list = list.prefix(format!("{folder}/{}/", self.owner)).send().await;
            uploads.extend(list.expect("the bucket can be listed").uploads.unwrap_or_default());
        }
        let mut unfinished = Vec::new();
        for upload in uploads {
            let (key, id) = (upload.key.unwrap_or_default(), upload.upload_id.unwrap_or_default());
            let parts = self.s3.list_parts().bucket(&self.bucket).key(&key).upload_id(id).send().await;
            let parts = parts.map_or(0, |parts| parts.parts().len()); // zero if it has ended meanwhile
            unfinished.push((key, parts));
        }
        unfinished
    }

    /// Creates a multipart upload of a file with the operator's keys, and stores its first part. Returns its id.
    pub async fn begin_upload(&self, id: &str, part: bytes::Bytes) -> String {
        self.begin_upload_of(&self.object_key(id), part).await
    }

    /// Creates a multipart upload as [`begin_upload`](Self::begin_upload) does, of the object with this key.
    pub async fn begin_upload_of(&self, key: &str, part: bytes::Bytes) -> String {
        let create = self.s3.create_multipart_upload().bucket(&self.bucket).key(key);
        let create = create
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await;
        let upload_id = create.expect("an upload").upload_id.expect("an id");
        let store = self.s3.upload_part().bucket(&self.bucket).key(key).upload_id(&upload_id).part_number(1);
        let store = store.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).body(part.into()).send().await;
        store.expect("a part");
        upload_id
    }

    /// Stores an object with the operator's keys.
    pub async fn put_object(&self, key: &str, bytes: impl Into<bytes::Bytes>) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).body(bytes.into().into());
        put.send().await.expect("the bucket can be written");
    }
}
