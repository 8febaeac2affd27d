use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::FileName;

/// Fingerprints of the names that a file had before, oldest first: a download URL with one of them stays valid. A fingerprint
/// instead of the name keeps the record small.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EarlierNames(Vec<String>);

impl EarlierNames {
    /// Most names; the oldest is forgotten first.
    pub const MAX: usize = 16;

    /// Returns how many names the file had.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the file has always had its present name.
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
