use serde::{Deserialize, Serialize};

use crate::Origin;

/// One of two streams that are stored apart until they are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// The picture.
    Picture,
    /// The sound.
    Sound,
}

impl StreamKind {
    /// Both, in the order in which they are fetched.
    pub const ALL: [Self; 2] = [Self::Picture, Self::Sound];

    /// Returns its word in object keys.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Sound => "sound",
        }
    }
}

/// The state of an import whose source has picture and sound in separate streams. Each is stored as a temporary object, and both are
/// joined when they are complete. While one is missing, the import's multipart upload is that of the missing stream's object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Streams {
    /// The sizes of the complete temporary objects in bytes: the picture's, then the sound's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<u64>,
    /// Media type of the joined file.
    pub content_type: String,
    /// Name by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The claims of the web page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Identifies the chosen picture and sound among those of the source, so that a later run fetches the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

impl Eq for Streams {} // durations in `origin` are finite

impl Streams {
    /// Returns the stream to fetch next; `None` if both are stored.
    #[must_use]
    pub fn missing(&self) -> Option<StreamKind> {
        StreamKind::ALL.get(self.stored.len()).copied()
    }

    /// Returns the size of the complete temporary objects together in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stored.iter().fold(0, |sum, size| sum.saturating_add(*size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_fetched_before_the_sound() {
        let mut streams = Streams::default();
        assert_eq!((streams.missing(), streams.size()), (Some(StreamKind::Picture), 0));
        streams.stored.push(5);
        assert_eq!((streams.missing(), streams.size()), (Some(StreamKind::Sound), 5));
        streams.stored.push(u64::MAX);
        assert_eq!((streams.missing(), streams.size()), (None, u64::MAX));
    }
}
