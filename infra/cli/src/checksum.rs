//! The checksum that the service tells of a file.

use crc_fast::{CrcAlgorithm, Digest as Crc};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What the bytes must have, in hex.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Checksum {
    /// SHA-256.
    Sha256(String),
    /// CRC-64/NVME.
    Crc64nvme(String),
}

/// Reads bytes, to tell whether they are those.
pub(crate) enum Check {
    Sha256(Sha256, String),
    Crc64nvme(Box<Crc>, String),
    Unknown,
}

impl Check {
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

    /// Whether the bytes were the right ones, as far as that is known.
    pub(crate) fn fits(self) -> bool {
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
    fn bytes_are_told_from_others() {
        let sha256 = Checksum::Sha256(hex::encode(Sha256::digest(b"123456789")));
        let crc = Checksum::Crc64nvme("ae8b14860a799888".to_owned()); // the catalogue's check value
        for checksum in [&sha256, &crc] {
            for (bytes, fits) in [(b"123456789", true), (b"123456780", false)] {
                let mut check = Check::new(Some(checksum));
                check.update(&bytes[..4]);
                check.update(&bytes[4..]);
                assert_eq!(check.fits(), fits, "{checksum:?}");
            }
        }
        assert!(Check::new(None).fits());
    }
}
