//! Verifies the checksums that the API returns for files.

use crc_fast::{CrcAlgorithm, Digest as Crc};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The expected checksum in hex.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Checksum {
    /// The SHA-256.
    Sha256(String),
    /// The CRC-64/NVME.
    Crc64nvme(String),
}

/// Computes the checksum of bytes, and compares it with the expected one.
pub(crate) enum Verifier {
    Sha256(Sha256, String),
    Crc64nvme(Box<Crc>, String),
    Unknown,
}

impl Verifier {
    pub(crate) fn new(checksum: Option<&Checksum>) -> Self {
        match checksum {
            Some(Checksum::Sha256(hex)) => Self::Sha256(Sha256::new(), hex.clone()),
            Some(Checksum::Crc64nvme(hex)) => {
                Self::Crc64nvme(Box::new(Crc::new(CrcAlgorithm::Crc64Nvme)), hex.clone())
            }
            None => Self::Unknown,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash, _) => hash.update(bytes),
            Self::Crc64nvme(crc, _) => crc.update(bytes),
            Self::Unknown => {}
        }
    }

    /// Returns whether the bytes have the expected checksum, or none is known.
    pub(crate) fn matches(self) -> bool {
        match self {
            Self::Sha256(hash, expected) => hex::encode(hash.finalize()) == expected,
            Self::Crc64nvme(crc, expected) => format!("{:016x}", crc.finalize()) == expected,
            Self::Unknown => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_bytes_are_detected() {
        let sha256 = Checksum::Sha256(hex::encode(Sha256::digest(b"123456789")));
        let crc = Checksum::Crc64nvme("ae8b14860a799888".to_owned()); // the check value in the catalogue of CRC algorithms
        for checksum in [&sha256, &crc] {
            for (bytes, expected) in [(b"123456789", true), (b"123456780", false)] {
                let mut check = Verifier::new(Some(checksum));
                check.update(&bytes[..4]);
                check.update(&bytes[4..]);
                assert_eq!(check.matches(), expected, "{checksum:?}");
            }
        }
        assert!(Verifier::new(None).matches());
    }
}
