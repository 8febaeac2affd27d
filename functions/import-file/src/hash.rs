use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use files_domain::Hashed;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// The SHA-256 of the parts so far, in order. Its state can be serialised, so that another run can continue it.
#[derive(Clone, Default)]
pub(crate) struct PartsHash {
    parts: u32,
    sha256: Sha256,
}

impl PartsHash {
    /// Deserialises a state. Returns `None` if the state is invalid, for example of another version of the library.
    pub(crate) fn deserialize(hashed: &Hashed) -> Option<Self> {
        let state = BASE64.decode(&hashed.state).ok()?;
        let state = SerializedState::<Sha256>::try_from(state.as_slice()).ok()?;
        Some(Self { parts: hashed.parts, sha256: Sha256::deserialize(&state).ok()? })
    }

    /// Serialises the state.
    pub(crate) fn serialize(&self) -> Hashed {
        Hashed { parts: self.parts, state: BASE64.encode(self.sha256.serialize()) }
    }

    /// Returns the number of hashed parts.
    pub(crate) fn parts(&self) -> u32 {
        self.parts
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
    }

    /// Counts a part whose bytes have all been added.
    pub(crate) fn end_part(&mut self) {
        self.parts += 1;
    }

    /// Returns the digest in lower-case hex.
    pub(crate) fn finish(self) -> String {
        hex::encode(self.sha256.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serialised_state_can_be_continued() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for cut in [0, 1, 63, 64, 65, 65_536, 99_999, 100_000] {
            let mut first = PartsHash::default();
            first.update(&bytes[..cut]);
            first.end_part();
            let written = first.serialize();
            assert!(written.state.len() <= 150, "{}", written.state.len());
            let mut second = PartsHash::deserialize(&written).expect("a serialised state is valid");
            assert_eq!(second.parts(), 1);
            second.update(&bytes[cut..]);
            assert_eq!(second.finish(), hex::encode(Sha256::digest(&bytes)), "{cut}");
        }
    }

    #[test]
    fn invalid_states_are_refused() {
        let (short, long) = ("A".repeat(138), "A".repeat(140));
        let too_full = format!("{}8", "/".repeat(138)); // declares more bytes in its block than a block has
        for state in ["", "AAAA", "no base64!", &short, &long, &too_full] {
            assert!(
                PartsHash::deserialize(&Hashed { parts: 1, state: state.to_owned() }).is_none(),
                "{state}"
            );
        }
        assert_eq!(PartsHash::default().serialize().state.len(), too_full.len());
    }
}
