use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use files_domain::Hashed;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// The SHA-256 of the parts so far, in their order. It can be written down, and gone on with elsewhere.
#[derive(Clone, Default)]
pub(crate) struct PartsHash {
    parts: u32,
    sha256: Sha256,
}

impl PartsHash {
    /// As it was written down. `None`: by another version of the library.
    pub(crate) fn read(written: &Hashed) -> Option<Self> {
        let state = BASE64.decode(&written.state).ok()?;
        let state = SerializedState::<Sha256>::try_from(state.as_slice()).ok()?;
        Some(Self { parts: written.parts, sha256: Sha256::deserialize(&state).ok()? })
    }

    pub(crate) fn written(&self) -> Hashed {
        Hashed { parts: self.parts, state: BASE64.encode(self.sha256.serialize()) }
    }

    /// Of how many parts it is.
    pub(crate) fn parts(&self) -> u32 {
        self.parts
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
    }

    /// The part that was put in is all in.
    pub(crate) fn end_part(&mut self) {
        self.parts += 1;
    }

    /// In lower-case hex.
    pub(crate) fn finish(self) -> String {
        hex::encode(self.sha256.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_where_it_was_written_down() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for cut in [0, 1, 63, 64, 65, 65_536, 99_999, 100_000] {
            let mut first = PartsHash::default();
            first.update(&bytes[..cut]);
            first.end_part();
            let written = first.written();
            assert!(written.state.len() <= 150, "{}", written.state.len());
            let mut second = PartsHash::read(&written).expect("what was written");
            assert_eq!(second.parts(), 1);
            second.update(&bytes[cut..]);
            assert_eq!(second.finish(), hex::encode(Sha256::digest(&bytes)), "{cut}");
        }
    }

    #[test]
    fn nonsense_is_not_gone_on_with() {
        let (short, long) = ("A".repeat(138), "A".repeat(140));
        let too_full = format!("{}8", "/".repeat(138)); // of its block, more bytes than that has
        for state in ["", "AAAA", "no base64!", &short, &long, &too_full] {
            assert!(PartsHash::read(&Hashed { parts: 1, state: state.to_owned() }).is_none(), "{state}");
        }
        assert_eq!(PartsHash::default().written().state.len(), too_full.len());
    }
}
