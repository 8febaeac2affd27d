use sha2::{Digest, Sha256};

use crate::{KeyHash, OwnerId};

const SECRET_BYTES: usize = 20;
const CHECK_BYTES: usize = 4;

/// A secret in clear text: a prefix and, in hex, the owner, what else it names, 160 random bits, and a checksum that tells malformed
/// ones without a read.
#[derive(Clone)]
pub(crate) struct Credential {
    text: String,
    owner: OwnerId,
    names: Vec<u8>,
}

impl Credential {
    pub(crate) fn generate(prefix: &str, owner: OwnerId, names: &[u8]) -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let body = format!("{prefix}{owner}{}{}", hex::encode(names), hex::encode(secret));
        let text = format!("{body}{}", hex::encode(checksum(&body)));
        Ok(Self { text, owner, names: names.to_vec() })
    }

    /// Reads a secret that names `names_bytes` bytes beside its owner. `None`: it is malformed.
    pub(crate) fn parse(prefix: &str, text: &str, names_bytes: usize) -> Option<Self> {
        let digits = text.strip_prefix(prefix)?;
        let mut bytes = vec![0; OwnerId::BYTES + names_bytes + SECRET_BYTES + CHECK_BYTES];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        let (body, check) = text.split_at(text.len() - 2 * CHECK_BYTES);
        if hex::encode(&bytes) != digits || hex::encode(checksum(body)) != check {
            return None;
        }
        let mut owner = [0; OwnerId::BYTES];
        owner.copy_from_slice(&bytes[..OwnerId::BYTES]);
        let names = bytes[OwnerId::BYTES..][..names_bytes].to_vec();
        Some(Self { text: text.to_owned(), owner: OwnerId::from_bytes(owner), names })
    }

    pub(crate) fn owner(&self) -> OwnerId {
        self.owner
    }

    /// Returns what it names beside its owner.
    pub(crate) fn names(&self) -> &[u8] {
        &self.names
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
