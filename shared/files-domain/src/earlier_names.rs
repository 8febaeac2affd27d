use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::FileName;

/// Fingerprints of the earlier names of a file, oldest first. Download URLs with an earlier name stay valid. Fingerprints are shorter
/// than names, which keeps the record small.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EarlierNames(Vec<String>);

impl EarlierNames {
    /// Maximum number of names. The oldest is removed first.
    pub const MAX: usize = 16;

    /// Returns the number of earlier names.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the file has no earlier names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, spelling: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&fingerprint(spelling))
    }

    pub(crate) fn replace(&mut self, old: &FileName, new: &FileName) {
        let (old, new) = (fingerprint(&old.spelling()), fingerprint(&new.spelling()));
        self.0.retain(|known| *known != old && *known != new);
        if old != new {
            self.0.push(old);
        }
        let excess = self.0.len().saturating_sub(Self::MAX);
        self.0.drain(..excess);
    }
}

/// Returns the first 48 bits of the SHA-256 of a name's spelling. The id identifies the file, so a collision is harmless.
fn fingerprint(spelling: &str) -> String {
    hex::encode(&Sha256::digest(spelling)[..6])
}
