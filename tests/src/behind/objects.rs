use files_domain::{FileId, file_object_key};

use super::Behind;

impl Behind {
    /// Where a file's bytes are.
    #[must_use]
    pub fn object_key(&self, id: &str) -> String {
        file_object_key(self.owner, id.parse::<FileId>().expect("an id"))
    }

    /// The keys of all objects of the owner, unfinished uploads too (with a question mark).
    pub async fn objects(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for folder in ["files", "probes"] {
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

    /// Stores an object with the operator's keys.
    pub async fn put_object(&self, key: &str, bytes: impl Into<bytes::Bytes>) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).body(bytes.into().into());
        put.send().await.expect("the bucket can be written");
    }
}
