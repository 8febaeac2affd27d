use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Strings that a client stores with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// The error of invalid metadata, as a sentence for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It has more than [`Metadata::MAX_KEYS`] keys.
    #[error("metadata has more than 50 keys")]
    TooManyKeys,
    /// A key is empty or longer than [`Metadata::MAX_KEY_CHARS`].
    #[error("a metadata key must have 1 to 64 characters")]
    Key,
    /// A value is longer than [`Metadata::MAX_VALUE_CHARS`].
    #[error("a metadata value must have at most 512 characters")]
    Value,
}

impl Metadata {
    /// Maximum number of keys.
    pub const MAX_KEYS: usize = 50;
    /// Longest key, in characters.
    pub const MAX_KEY_CHARS: usize = 64;
    /// Longest value, in characters.
    pub const MAX_VALUE_CHARS: usize = 512;

    /// Checks a client's strings.
    ///
    /// # Errors
    /// [`MetadataError`]: the first limit that is exceeded.
    pub fn new(entries: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        if entries.len() > Self::MAX_KEYS {
            return Err(MetadataError::TooManyKeys);
        }
        for (key, value) in &entries {
            if key.is_empty() || key.chars().count() > Self::MAX_KEY_CHARS {
                return Err(MetadataError::Key);
            }
            if value.chars().count() > Self::MAX_VALUE_CHARS {
                return Err(MetadataError::Value);
            }
        }
        Ok(Self(entries))
    }

    /// Returns the strings.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: impl IntoIterator<Item = (String, String)>) -> Result<(), MetadataError> {
        Metadata::new(entries.into_iter().collect()).map(|_| ())
    }

    #[test]
    fn every_limit_is_exact() {
        let many = |n: usize| (0..n).map(|i| (format!("k{i}"), String::new()));
        assert_eq!(check(many(50)), Ok(()));
        assert_eq!(check(many(51)), Err(MetadataError::TooManyKeys));
        assert_eq!(check([("ä".repeat(64), "ö".repeat(512))]), Ok(()));
        assert_eq!(check([("ä".repeat(65), String::new())]), Err(MetadataError::Key));
        assert_eq!(check([(String::new(), String::new())]), Err(MetadataError::Key));
        assert_eq!(check([("k".into(), "v".repeat(513))]), Err(MetadataError::Value));
    }
}
