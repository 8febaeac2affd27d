use files_domain::{FileId, OwnerId};
use files_queues::{ImportMessage, StoredObject};
use serde_json::Value;

/// What a dead letter is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Letter {
    /// An import.
    Import(OwnerId, FileId),
    /// Objects that were to be probed.
    Probes(Vec<StoredObject>),
    /// Nothing we know.
    Unknown,
}

impl Letter {
    /// Reads either shape: a queue's message as it was sent, or the record that Lambda makes of an asynchronous
    /// invocation that failed, with the event under `requestPayload`
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>).
    #[must_use]
    pub fn read(body: &str) -> Self {
        let Ok(mut letter) = serde_json::from_str::<Value>(body) else {
            return Self::Unknown;
        };
        if let Some(payload) = letter.get_mut("requestPayload").map(Value::take) {
            letter = payload;
        }
        let objects = StoredObject::in_event(&letter);
        if !objects.is_empty() {
            return Self::Probes(objects);
        }
        match serde_json::from_value(letter) {
            Ok(ImportMessage { owner, id, .. }) => Self::Import(owner, id),
            Err(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::{Timestamp, file_object_key};
    use serde_json::json;

    #[test]
    fn both_shapes_are_read_and_nonsense_is_known_as_such() {
        let (owner, id) = (OwnerId::named("press"), FileId::new(Timestamp::from_millis(1)));
        let import = json!({"owner": owner, "id": id, "file_url": "https://example.com/a"});
        assert_eq!(Letter::read(&import.to_string()), Letter::Import(owner, id));

        let key = file_object_key(owner, id);
        let event = json!({"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": key}}}]});
        let probes = Letter::Probes(vec![StoredObject { bucket: "b".into(), owner, id }]);
        assert_eq!(Letter::read(&event.to_string()), probes);
        let wrapped =
            json!({"version": "1.0", "requestContext": {}, "requestPayload": event, "responsePayload": {}});
        assert_eq!(Letter::read(&wrapped.to_string()), probes);

        for nonsense in ["", "x", "{}", "[]", "{\"requestPayload\": null}"] {
            assert_eq!(Letter::read(nonsense), Letter::Unknown, "{nonsense}");
        }
    }
}
