use files_domain::{FileId, OwnerId, file_object_key, parse_file_object_key};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

/// An object of ours that S3 says it has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The bucket it is in.
    pub bucket: String,
    /// Whose file.
    pub owner: OwnerId,
    /// Which file.
    pub id: FileId,
}

#[derive(Deserialize)]
struct Record {
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

impl StoredObject {
    /// The objects in an event of S3
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>). What is no such
    /// record (the `s3:TestEvent`, another service's), or whose key is not a file's, is left out.
    #[must_use]
    pub fn in_event(event: &Value) -> Vec<Self> {
        let records = event.get("Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        records.iter().filter_map(Self::in_record).collect()
    }

    fn in_record(record: &Value) -> Option<Self> {
        let Record { s3 } = Record::deserialize(record).ok()?;
        // S3 encodes keys as forms do: a plus sign is a space.
        let key = s3.object.key.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8().ok()?;
        let (owner, id) = parse_file_object_key(&key).ok()?;
        Some(Self { bucket: s3.bucket.name, owner, id })
    }
}

/// Serializes as an event of S3, so that `probe-file` reads a queued object and S3's own event alike.
impl Serialize for StoredObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = json!({"Records": [{
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.bucket}, "object": {"key": file_object_key(self.owner, self.id)}},
        }]});
        event.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> StoredObject {
        let id: FileId = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab".parse().unwrap();
        StoredObject { bucket: "b".into(), owner: OwnerId::named("press"), id }
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        assert_eq!(StoredObject::in_event(&json!(object())), [object()]);
    }

    #[test]
    fn several_records_and_encoded_keys_are_read_and_all_else_is_left_out() {
        let key = file_object_key(object().owner, object().id);
        let record = |key: &str| json!({"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": key}}});
        let encoded = key.replace('/', "%2F").replace('-', "%2D");
        let event = json!({"Records": [record(&key), record("files/a+b%20%C3%BC"), record(&encoded), {"kinesis": {}}]});
        assert_eq!(StoredObject::in_event(&event), [object(), object()]);
        for odd in
            [json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}), json!({"Records": 3}), json!(null)]
        {
            assert!(StoredObject::in_event(&odd).is_empty(), "{odd}");
        }
    }
}
