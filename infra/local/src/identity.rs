//! Who calls: every function has access keys of its own, as every role has in AWS, so a signed call names its caller.

use sha2::{Digest, Sha256};

/// Access keys of one caller.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Sent in the clear with every signed request.
    pub access_key_id: String,
    /// Signs; never sent.
    pub secret_access_key: String,
}

/// All callers of this cloud. Keys derive from one seed kept in the data folder, so that what was signed
/// before a restart is still good after it.
#[derive(Clone)]
pub struct Identities {
    seed: [u8; 32],
}

/// The operator: tests, `files-admin`, and what the local cloud does itself.
pub const ROOT: &str = "root";

impl Identities {
    /// Identities that derive from `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// The keys of a caller, named by its function's name in kebab case (`create-file`) or [`ROOT`].
    #[must_use]
    pub fn keys(&self, caller: &str) -> Keys {
        Keys {
            access_key_id: format!("LOCAL{}", hex::encode_upper(caller)),
            secret_access_key: derive(&self.seed, caller),
        }
    }

    /// The caller an access key id belongs to. Its secret is `self.keys(caller).secret_access_key`.
    #[must_use]
    pub fn caller(&self, access_key_id: &str) -> Option<String> {
        let name = hex::decode(access_key_id.strip_prefix("LOCAL")?).ok()?;
        String::from_utf8(name).ok()
    }
}

/// A secret for one caller: unguessable without the seed.
fn derive(seed: &[u8; 32], caller: &str) -> String {
    hex::encode(Sha256::new().chain_update(seed).chain_update(caller).finalize())
}
