use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::{
    File, KeyHash, KeyId, KeyProblem, KeyRecord, Metadata, MetadataError, OwnerId, Scope, Timestamp,
    clean_content_type, limits,
};

const PREFIX: &str = "fmu_";

/// An upload token in clear text, for a browser or a device: `fmu_` and, in hex, the owner, the hash of the API key that created it, and
/// the rest as of an API key. Only [`UploadToken::hash`] is stored. Since the token names its key, token and key are found by one read.
#[derive(Clone)]
pub struct UploadToken {
    credential: Credential,
    created_by: KeyHash,
}

impl UploadToken {
    /// Generates a token of `owner`, for the holder of the API key with the hash `created_by`.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn generate(owner: OwnerId, created_by: KeyHash) -> Result<Self, getrandom::Error> {
        let credential = Credential::generate(PREFIX, owner, &created_by.0)?;
        Ok(Self { credential, created_by })
    }

    /// Reads a token. `None`: it is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let credential = Credential::parse(PREFIX, text, size_of::<KeyHash>())?;
        let created_by = KeyHash(credential.names().try_into().ok()?);
        Some(Self { credential, created_by })
    }

    /// Returns the owner in the token, which is unverified until its record is found.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.credential.owner()
    }

    /// Returns the hash under which the token's record is stored, and by which it is revoked.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        self.credential.hash()
    }

    /// Returns the clear text, to show once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.credential.reveal()
    }

    /// Returns the hash of the API key that created the token.
    #[must_use]
    pub fn created_by(&self) -> KeyHash {
        self.created_by
    }

    /// Checks the token against what is stored of the API key that created it: it opens nothing once that key has expired, or was
    /// revoked or removed.
    ///
    /// # Errors
    /// [`KeyProblem::Invalid`].
    pub fn check_creator(&self, record: Option<&KeyRecord>, now: Timestamp) -> Result<(), KeyProblem> {
        let record = record.filter(|record| record.owner == self.owner()).ok_or(KeyProblem::Invalid)?;
        record.authorize(Scope::Write, now).map_err(|_| KeyProblem::Invalid)
    }
}

/// Hides the token.
impl fmt::Debug for UploadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadToken").field("owner", &self.owner()).finish_non_exhaustive()
    }
}

/// The record of an upload token, with its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadTokenRecord {
    /// The API key that created it.
    pub created_by: String,
    /// The time until which it can create files. Uploads that have begun may end later.
    pub expires_at: Timestamp,
    /// Largest file in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Media types of its files; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_types: Vec<ContentTypePattern>,
    /// Maximum number of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_files: Option<u64>,
    /// Files created so far, deleted ones included.
    pub files_created: u64,
    /// Metadata of each of its files.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The webhook of each of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

/// A media type such as `video/mp4`, or all of one kind: `video/*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentTypePattern(String);

impl ContentTypePattern {
    /// Reads a pattern. `None`: it is neither a media type nor `KIND/*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().strip_suffix("/*") {
            Some(kind) => {
                clean_content_type(&format!("{kind}/x")).map(|text| text[..text.len() - 1].to_owned() + "*")
            }
            None => clean_content_type(text),
        }
        .map(Self)
    }

    fn matches(&self, content_type: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(kind) => content_type.starts_with(kind),
            None => content_type == self.0,
        }
    }

    /// Returns the pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bound of a token that a file exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// The file is larger than this, in bytes.
    TooLarge(u64),
    /// The media type is not among those of the token.
    ContentType,
}

impl UploadTokenRecord {
    /// Returns until when uploads that began in time may end. After that, the token is invalid.
    #[must_use]
    pub fn uploads_end(&self) -> Timestamp {
        self.expires_at.plus(limits::MAX_UPLOAD_WINDOW + Duration::from_secs(3600))
    }

    /// Checks that the token can create files at `now`.
    ///
    /// # Errors
    /// [`KeyProblem::Invalid`].
    pub fn authorize_create(&self, now: Timestamp) -> Result<(), KeyProblem> {
        if now < self.expires_at { Ok(()) } else { Err(KeyProblem::Invalid) }
    }

    /// Checks that the token is valid for uploads that it has created.
    ///
    /// # Errors
    /// [`KeyProblem::Invalid`].
    pub fn authorize_upload(&self, now: Timestamp) -> Result<(), KeyProblem> {
        if now < self.uploads_end() { Ok(()) } else { Err(KeyProblem::Invalid) }
    }

    /// Checks that a new file is within the bounds, except for the number of files, which the transaction checks.
    ///
    /// # Errors
    /// [`TokenFault`].
    pub fn check(&self, size: u64, content_type: &str) -> Result<(), TokenFault> {
        if let Some(most) = self.max_size.filter(|most| size > *most) {
            return Err(TokenFault::TooLarge(most));
        }
        let allowed = &self.content_types;
        if !allowed.is_empty() && !allowed.iter().any(|pattern| pattern.matches(content_type)) {
            return Err(TokenFault::ContentType);
        }
        Ok(())
    }

    /// Returns the metadata of a new file: that of the client, overridden by that of the token.
    ///
    /// # Errors
    /// [`MetadataError::TooManyKeys`].
    pub fn metadata_with(&self, own: &Metadata) -> Result<Metadata, MetadataError> {
        let entries = own.entries().iter().chain(self.metadata.entries());
        Metadata::new(entries.map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>())
    }
}

impl<S> File<S> {
    /// Returns whether the token has created the file.
    #[must_use]
    pub fn is_of_token(&self, token: &UploadToken) -> bool {
        self.upload_token == Some(token.hash())
    }
}

/// The bounds of a token to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUploadToken {
    /// How long it can create files.
    pub ttl: Duration,
    /// Largest file in bytes.
    pub max_size: Option<u64>,
    /// Media types of its files; empty for any.
    pub content_types: Vec<ContentTypePattern>,
    /// Maximum number of files.
    pub max_files: Option<u64>,
    /// Metadata of each of its files.
    pub metadata: Metadata,
    /// The webhook of each of its files.
    pub webhook: Option<String>,
}

impl NewUploadToken {
    /// Returns the record of the token that `created_by` creates at `now`.
    #[must_use]
    pub fn record(self, created_by: KeyId, now: Timestamp) -> UploadTokenRecord {
        UploadTokenRecord {
            created_by: created_by.to_string(),
            expires_at: now.plus(self.ttl),
            max_size: self.max_size,
            content_types: self.content_types,
            max_files: self.max_files,
            files_created: 0,
            metadata: self.metadata,
            webhook: self.webhook,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn record(content_types: &[&str]) -> UploadTokenRecord {
        let content_types =
            content_types.iter().map(|text| ContentTypePattern::parse(text).unwrap()).collect();
        let metadata = Metadata::new([("form".to_owned(), "7".to_owned())].into()).unwrap();
        let new = NewUploadToken {
            ttl: Duration::from_secs(60),
            max_size: Some(10),
            content_types,
            max_files: Some(1),
            metadata,
            webhook: None,
        };
        let key = crate::ApiKey::generate(OwnerId::named("press")).unwrap();
        new.record(key.hash().id(), at(100))
    }

    #[test]
    fn a_token_is_not_a_key_and_a_key_not_a_token() {
        let owner = OwnerId::named("press");
        let key = crate::ApiKey::generate(owner).unwrap();
        let token = UploadToken::generate(owner, key.hash()).unwrap();
        let again = UploadToken::parse(token.reveal()).unwrap();
        assert_eq!((again.hash(), again.owner(), again.created_by()), (token.hash(), owner, key.hash()));
        assert!(UploadToken::parse(key.reveal()).is_none() && crate::ApiKey::parse(token.reveal()).is_none());
        let forged = token.reveal().replacen("fmu_", "fm_", 1);
        assert!(crate::ApiKey::parse(&forged).is_none(), "the checksum covers the prefix");
        assert!(!format!("{token:?}").contains(token.reveal()));
    }

    #[test]
    fn a_token_ends_with_the_key_that_created_it() {
        let owner = OwnerId::named("press");
        let key = crate::ApiKey::generate(owner).unwrap();
        let token = UploadToken::generate(owner, key.hash()).unwrap();
        let record = KeyRecord {
            owner,
            owner_name: "press".into(),
            name: "form".into(),
            scopes: [Scope::Write].into(),
            created_at: at(0),
            expires_at: Some(at(10)),
            revoked_at: None,
        };
        let check = |record: &KeyRecord, now| token.check_creator(Some(record), now);
        assert_eq!((check(&record, at(9)), check(&record, at(10))), (Ok(()), Err(KeyProblem::Invalid)));
        let revoked = KeyRecord { revoked_at: Some(at(1)), ..record.clone() };
        let foreign = KeyRecord { owner: OwnerId::named("other"), ..record.clone() };
        let reader = KeyRecord { scopes: [Scope::Read].into(), ..record };
        for record in [revoked, foreign, reader] {
            assert_eq!(check(&record, at(1)), Err(KeyProblem::Invalid));
        }
        assert_eq!(token.check_creator(None, at(1)), Err(KeyProblem::Invalid));
    }

    #[test]
    fn the_bounds_are_exact() {
        let token = record(&["video/*", "Image/PNG"]);
        for (size, content_type, fault) in [
            (10, "video/mp4", None),
            (0, "image/png", None),
            (11, "video/mp4", Some(TokenFault::TooLarge(10))),
            (1, "image/gif", Some(TokenFault::ContentType)),
            (1, "videos/mp4", Some(TokenFault::ContentType)),
        ] {
            assert_eq!(token.check(size, content_type).err(), fault, "{size} {content_type}");
        }
        assert_eq!(record(&[]).check(1, "any/thing"), Ok(()));
        for wrong in ["", "*", "*/*", "video", "/*", "video/m*", "a/b/*", "video/*;q=1"] {
            assert_eq!(ContentTypePattern::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn creation_ends_with_the_ttl_and_uploads_end_later() {
        let token = record(&[]);
        assert_eq!(token.authorize_create(at(159)), Ok(()));
        assert_eq!(token.authorize_create(at(160)), Err(KeyProblem::Invalid));
        assert_eq!(token.authorize_upload(at(160).plus(limits::MAX_UPLOAD_WINDOW)), Ok(()));
        assert_eq!(token.authorize_upload(token.uploads_end()), Err(KeyProblem::Invalid));
    }

    #[test]
    fn the_metadata_of_the_token_overrides_that_of_the_client() {
        let own = Metadata::new([("form".into(), "8".into()), ("a".into(), "b".into())].into()).unwrap();
        let merged = record(&[]).metadata_with(&own).unwrap();
        assert_eq!((merged.entries()["form"].as_str(), merged.entries()["a"].as_str()), ("7", "b"));
        let full = Metadata::new((0..50).map(|n| (n.to_string(), String::new())).collect()).unwrap();
        assert_eq!(record(&[]).metadata_with(&full), Err(MetadataError::TooManyKeys));
    }
}
