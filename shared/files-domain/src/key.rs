use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::{KeyHash, OwnerId, Timestamp};

const PREFIX: &str = "fm_";

/// A permission of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Get, list and download files.
    #[serde(rename = "files:read")]
    Read,
    /// Create files: upload and import.
    #[serde(rename = "files:write")]
    Write,
    /// Delete files.
    #[serde(rename = "files:delete")]
    Delete,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Delete];

    /// Returns the scope's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "files:read",
            Self::Write => "files:write",
            Self::Delete => "files:delete",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(format!("not one of {all}"))
    }
}

/// An API key in clear text: `fm_` and, in hex, the owner, 160 random bits, and a checksum, by which malformed keys are rejected
/// without a read. Only [`ApiKey::hash`] is stored.
#[derive(Clone)]
pub struct ApiKey(Credential);

impl ApiKey {
    /// Generates a key of `owner`.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn generate(owner: OwnerId) -> Result<Self, getrandom::Error> {
        Credential::generate(PREFIX, owner).map(Self)
    }

    /// Reads a key. `None`: it is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Credential::parse(PREFIX, text).map(Self)
    }

    /// Returns the owner in the key, which is unverified until its record is found.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.0.owner()
    }

    /// Returns the hash under which the key's record is stored.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        self.0.hash()
    }

    /// Returns the clear text, to show to the key's holder once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

/// Hides the key.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("owner", &self.owner()).finish_non_exhaustive()
    }
}

/// The record of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The owner.
    pub owner: OwnerId,
    /// Name of the owner, for people.
    pub owner_name: String,
    /// Purpose of the key, for people.
    pub name: String,
    /// Permissions.
    pub scopes: BTreeSet<Scope>,
    /// When the key was created.
    pub created_at: Timestamp,
    /// When the key expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When the key was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// Why a key is not valid for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The key is unknown, expired or revoked. Clients are not told which.
    #[error("unknown, expired or revoked key")]
    Invalid,
    /// The key lacks the scope.
    #[error("the key lacks the scope {0}")]
    MissingScope(Scope),
}

impl KeyRecord {
    /// Returns whether the key is expired or revoked.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|at| at <= now)
    }

    /// Checks that the key has `scope` at `now`.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub fn authorize(&self, scope: Scope, now: Timestamp) -> Result<(), KeyProblem> {
        if self.is_over(now) {
            return Err(KeyProblem::Invalid);
        }
        if self.scopes.contains(&scope) { Ok(()) } else { Err(KeyProblem::MissingScope(scope)) }
    }
}

/// An API key to create.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Name of the owner, which identifies it.
    pub owner_name: String,
    /// Purpose of the key.
    pub name: String,
    /// Permissions.
    pub scopes: BTreeSet<Scope>,
    /// When the key expires.
    pub expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Caller;

    fn key() -> ApiKey {
        ApiKey::generate(OwnerId::named("press")).unwrap()
    }

    #[test]
    fn a_key_contains_its_owner_and_malformed_keys_are_rejected() {
        let key = key();
        let again = ApiKey::parse(key.reveal()).unwrap();
        assert_eq!((again.owner(), again.hash()), (OwnerId::named("press"), key.hash()));
        assert!(key.reveal().starts_with("fm_"));
        assert_eq!(key.hash().to_string().parse(), Ok(key.hash()));
        assert_eq!(key.hash().id().to_string().parse(), Ok(key.hash().id()));
        assert!(key.hash().to_string().starts_with(&key.hash().id().to_string()));

        let last = if key.reveal().ends_with('0') { "1" } else { "0" };
        let flipped = format!("{}{last}", &key.reveal()[..key.reveal().len() - 1]);
        for garbage in [
            "",
            "fm_",
            "fm_00",
            "secret",
            &flipped,
            &key.reveal().to_uppercase(),
            &format!("{}00", key.reveal()),
        ] {
            assert!(ApiKey::parse(garbage).is_none(), "{garbage}");
        }
    }

    #[test]
    fn debug_output_hides_keys() {
        let key = key();
        assert!(!format!("{key:?}").contains(key.reveal()));
    }

    #[test]
    fn a_key_is_authorized_for_its_scopes_until_it_expires_or_is_revoked() {
        let key = key();
        let now = Timestamp::from_millis(1_000);
        let record = KeyRecord {
            owner: key.owner(),
            owner_name: "press".into(),
            name: "test".into(),
            scopes: [Scope::Read].into(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let ask = |scope, record: Option<&KeyRecord>| {
            Caller { principal: key.clone().into(), scope, now }.check(record)
        };
        assert_eq!(ask(Scope::Read, Some(&record)), Ok(()));
        assert_eq!(ask(Scope::Delete, Some(&record)), Err(KeyProblem::MissingScope(Scope::Delete)));
        assert_eq!(ask(Scope::Read, None), Err(KeyProblem::Invalid));
        let expired = KeyRecord { expires_at: Some(now), ..record.clone() };
        let revoked = KeyRecord { revoked_at: Some(now), ..record.clone() };
        let foreign = KeyRecord { owner: OwnerId::named("other"), ..record };
        for record in [expired, revoked, foreign] {
            assert_eq!(ask(Scope::Read, Some(&record)), Err(KeyProblem::Invalid));
        }
    }
}
