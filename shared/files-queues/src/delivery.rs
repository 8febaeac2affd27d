use files_domain::{DeliveryId, EventRef, OwnerId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Grouped;

/// A message to `deliver-webhook`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeliveryMessage {
    /// Write the deliveries of an event.
    Event(EventRef),
    /// Make the next attempt of a delivery.
    Attempt {
        /// The owner.
        owner: OwnerId,
        /// The delivery.
        #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
        delivery: DeliveryId,
    },
}

impl DeliveryMessage {
    /// Returns the owner.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        match self {
            Self::Event(event) => event.owner,
            Self::Attempt { owner, .. } => *owner,
        }
    }
}

impl Grouped for DeliveryMessage {
    fn group(&self) -> OwnerId {
        self.owner()
    }
}

fn as_text<S: Serializer>(id: &DeliveryId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeliveryId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::{EndpointId, EventKind, FileId, Timestamp};

    #[test]
    fn both_kinds_survive_a_round_trip() {
        let (owner, file) = (OwnerId::named("press"), FileId::new(Timestamp::from_millis(1)));
        let delivery = DeliveryId { file, kind: EventKind::Failed, endpoint: EndpointId::Default };
        for message in [
            DeliveryMessage::Event(EventRef { owner, file, kind: EventKind::Expired }),
            DeliveryMessage::Attempt { owner, delivery },
        ] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<DeliveryMessage>(&text).unwrap(), message, "{text}");
        }
    }
}
