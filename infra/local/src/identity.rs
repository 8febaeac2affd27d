//! The callers' keys. Every function has its own, as every role in AWS, so that a signed call names its caller.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Keys of one caller.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The public part, sent with every signed request.
    pub access_key_id: String,
    /// The secret that signs requests; never sent.
    pub secret_access_key: String,
    /// Sent with every signed request of a function, whose keys are temporary like a role's. [`ROOT`] has none.
    pub session_token: Option<String>,
}

/// All callers of this cloud. Their keys derive from one seed in the data folder, so that signatures stay valid across
/// restarts.
#[derive(Clone)]
pub struct Identities {
    seed: [u8; 32],
}

/// The operator: tests, scripts, and the local cloud itself.
pub const ROOT: &str = "root";

/// The prefix of tokens of a role's credentials.
const TOKEN_PREFIX: &str = "IQoJb3JpZ2luX2Vj";
/// Hashes per token: 15 give 656 characters, the minimum of AWS's tokens.
const TOKEN_HASHES: u8 = 15;

impl Identities {
    /// Derives identities from `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Derives identities from random bytes, for services without a data folder.
    ///
    /// # Errors
    /// The system returns no random bytes.
    pub fn random() -> anyhow::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        Ok(Self { seed })
    }

    /// Returns the seed in hexadecimal. It is a secret.
    #[must_use]
    pub fn seed(&self) -> String {
        hex::encode(self.seed)
    }

    /// Returns the keys of a caller: a function, by the name of its binary, or [`ROOT`].
    #[must_use]
    pub fn keys(&self, caller: &str) -> Keys {
        Keys {
            access_key_id: format!("LOCAL{}", hex::encode_upper(caller)),
            secret_access_key: hex::encode(self.secret(caller)),
            session_token: (caller != ROOT).then(|| self.token(caller)),
        }
    }

    /// Returns the caller of an access key id. Its secret is `self.keys(caller).secret_access_key`.
    #[must_use]
    pub fn caller(&self, access_key_id: &str) -> Option<String> {
        let name = hex::decode(access_key_id.strip_prefix("LOCAL")?).ok()?;
        String::from_utf8(name).ok()
    }

    /// Returns whether `presented` is the session token of the caller's keys, or absent for keys without one.
    #[must_use]
    pub fn is_session(&self, caller: &str, presented: Option<&str>) -> bool {
        match (self.keys(caller).session_token, presented) {
            (Some(own), Some(presented)) => bool::from(own.as_bytes().ct_eq(presented.as_bytes())),
            (None, None) => true,
            _ => false,
        }
    }

    fn token(&self, caller: &str) -> String {
        let secret = self.secret(caller);
        let part = |number: u8| Sha256::new().chain_update(secret).chain_update([number]).finalize();
        let hashes: Vec<u8> = (0..TOKEN_HASHES).flat_map(part).collect();
        format!("{TOKEN_PREFIX}{}", STANDARD.encode(hashes))
    }

    /// Derives bytes for one caller. Without the seed they cannot be guessed.
    fn secret(&self, caller: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.seed).chain_update(caller).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_a_token_of_its_own_and_the_operator_has_none() {
        let identities = Identities::new([1; 32]);
        let token = |caller: &str| identities.keys(caller).session_token;
        let own = token("create-item").unwrap();
        assert_eq!((own.len(), token(ROOT)), (656, None));
        assert!(identities.is_session("create-item", Some(&own)) && identities.is_session(ROOT, None));
        for wrong in [None, Some(""), Some(&own[1..]), token("sweep").as_deref()] {
            assert!(!identities.is_session("create-item", wrong), "{wrong:?}");
        }
        assert!(!identities.is_session(ROOT, Some(&own)));
        assert_ne!(Identities::new([2; 32]).keys("create-item").session_token, Some(own));
    }
}
