use aws_lambda_events::s3::{S3Event, S3EventRecord};
use files_domain::{FileId, OwnerId, file_object_key, parse_file_object_key};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};

use crate::Grouped;

/// The reference of a file's stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The bucket.
    pub bucket: String,
    /// The owner of the file.
    pub owner: OwnerId,
    /// The file.
    pub id: FileId,
}

impl StoredObject {
    fn in_record(record: S3EventRecord) -> Option<Self> {
        // S3 encodes keys as forms do: a plus sign is a space.
        let key = record.s3.object.key?.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8().ok()?;
        let (owner, id) = parse_file_object_key(&key).ok()?;
        Some(Self { bucket: record.s3.bucket.name?, owner, id })
    }
}

/// The objects in an event of S3
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>). Deserializes from any JSON.
/// Left out are records of other services, S3's `s3:TestEvent`, and keys that are not a file's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Event")]
pub struct StoredObjects(pub Vec<StoredObject>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    S3 {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    S3(Box<S3EventRecord>),
    Other(IgnoredAny),
}

impl From<Event> for StoredObjects {
    fn from(event: Event) -> Self {
        let Event::S3 { records } = event else { return Self::default() };
        let objects = records.into_iter().filter_map(|record| match record {
            Record::S3(record) => StoredObject::in_record(*record),
            Record::Other(_) => None,
        });
        Self(objects.collect())
    }
}

impl Grouped for StoredObject {
    fn group(&self) -> OwnerId {
        self.owner
    }
}

/// Serializes as an event of S3, so that `probe-file` handles a queued object like S3's own event.
impl Serialize for StoredObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = S3EventRecord::default();
        record.event_source = Some("aws:s3".to_owned());
        record.event_name = Some("ObjectCreated:Put".to_owned());
        record.s3.bucket.name = Some(self.bucket.clone());
        record.s3.object.key = Some(file_object_key(self.owner, self.id));
        let mut event = S3Event::default();
        event.records = vec![record];
        event.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object() -> StoredObject {
        let id: FileId = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab".parse().unwrap();
        StoredObject { bucket: "b".into(), owner: OwnerId::named("press"), id }
    }

    fn objects(event: &Value) -> Vec<StoredObject> {
        serde_json::from_str::<StoredObjects>(&event.to_string()).unwrap().0
    }

    /// Returns a record as in the documentation of S3.
    fn record(key: &str) -> Value {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-west-2",
            "eventTime": "1970-01-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
            "requestParameters": {"sourceIPAddress": "172.16.0.1"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
            "s3": {
                "s3SchemaVersion": "1.0", "configurationId": "testConfigRule",
                "bucket": {"name": "b", "ownerIdentity": {"principalId": "A3NL1KOZZKExample"}, "arn": "arn:aws:s3:::b"},
                "object": {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5"},
            },
        })
    }

    #[test]
    fn a_queued_object_has_the_format_of_an_s3_event() {
        assert_eq!(objects(&json!(object())), [object()]);
    }

    #[test]
    fn records_of_files_are_read_and_others_are_ignored() {
        let key = file_object_key(object().owner, object().id);
        let encoded = key.replace('/', "%2F").replace('-', "%2D");
        let foreign = record("files/a+b%20%C3%BC");
        let event = json!({"Records": [record(&key), foreign, record(&encoded), {"kinesis": {}}, 7]});
        assert_eq!(objects(&event), [object(), object()]);
        let test_event = json!({"Service": "Amazon S3", "Event": "s3:TestEvent"});
        for odd in [test_event, json!({"Records": 3}), json!([[record(&key)]]), json!(null)] {
            assert!(objects(&odd).is_empty(), "{odd}");
        }
    }
}
