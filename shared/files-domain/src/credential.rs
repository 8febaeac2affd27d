use sha2::{Digest, Sha256};

use crate::{KeyHash, OwnerId};

const SECRET_BYTES: usize = 20;
const CHECK_BYTES: usize = 4;
const ALL_BYTES: usize = OwnerId::BYTES + SECRET_BYTES + CHECK_BYTES;

/// A secret in clear text: a prefix and, in hex, the owner, 160 random bits, and a checksum that tells malformed ones without a
/// read.
#[derive(Clone)]
pub(crate) struct Credential {
    text: String,
    owner: OwnerId,
}

impl Credential {
    pub(crate) fn generate(prefix: &str, owner: OwnerId) -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let body = format!("{prefix}{owner}{}", hex::encode(secret));
        let text = format!("{body}{}", hex::encode(checksum(&body)));
        Ok(Self { text, owner })
    }

    pub(crate) fn parse(prefix: &str, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(prefix)?;
        let mut bytes = [0; ALL_BYTES];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        let (body, check) = text.split_at(text.len() - 2 * CHECK_BYTES);
        if hex::encode(bytes) != digits || hex::encode(checksum(body)) != check {
            return None;
        }
        let mut owner = [0; OwnerId::BYTES];
        owner.copy_from_slice(&bytes[..OwnerId::BYTES]);
        Some(Self { text: text.to_owned(), owner: OwnerId::from_bytes(owner) })
    }

    pub(crate) fn owner(&self) -> OwnerId {
        self.owner
    }

    pub(crate) fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(&self.text).into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }
}

fn checksum(body: &str) -> [u8; CHECK_BYTES] {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body.as_bytes());
    let mut bytes = [0; CHECK_BYTES];
    bytes.copy_from_slice(&crc.to_be_bytes()[4..]);
    bytes
}
