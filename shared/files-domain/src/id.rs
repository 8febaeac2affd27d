use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{NoContext, Uuid};

use crate::{StreamKind, Timestamp};

/// The id of a file: a UUIDv7, so that ids sort by the time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileId(Uuid);

/// The error for a text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct ParseIdError;

impl FileId {
    /// Returns a new id for a file created at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let nanos = u32::try_from(now.millis() % 1000).unwrap_or(0) * 1_000_000;
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, now.seconds(), nanos)))
    }

    /// Returns when the file was created.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        let (seconds, nanos) = self.0.get_timestamp().map_or((0, 0), |t| t.to_unix());
        Timestamp::from_millis(seconds * 1000 + u64::from(nanos) / 1_000_000)
    }

    /// Returns a text that sorts after the ids of files created before `moment`, and not after those created at `moment` or later.
    #[must_use]
    pub fn bound(moment: Timestamp) -> String {
        let millis = moment.millis();
        format!("{:08x}-{:04x}-0000-0000-000000000000", (millis >> 16) & 0xffff_ffff, millis & 0xffff)
    }

    /// Returns a number from 0 to 255 that is evenly distributed over ids.
    #[must_use]
    pub fn spread(self) -> u8 {
        self.0.as_bytes()[15]
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for FileId {
    type Err = ParseIdError;

    /// Reads a version 7 UUID in its hyphenated form, in any case (RFC 9562, section 4).
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let id = Uuid::try_parse(text).map_err(|_| ParseIdError)?;
        let is_hyphenated = id.to_string().eq_ignore_ascii_case(text);
        if id.get_version_num() == 7 && is_hyphenated { Ok(Self(id)) } else { Err(ParseIdError) }
    }
}

/// The id of an owner of files: derived from the owner's name, and part of each of the owner's API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnerId([u8; OwnerId::BYTES]);

impl OwnerId {
    pub(crate) const BYTES: usize = 10;

    /// Returns the id of the owner with this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let hash = Sha256::new().chain_update("files owner\0").chain_update(name).finalize();
        let mut id = [0; Self::BYTES];
        id.copy_from_slice(&hash[..Self::BYTES]);
        Self(id)
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for OwnerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let mut id = [0; Self::BYTES];
        hex::decode_to_slice(text, &mut id).map_err(|_| ParseIdError)?;
        if hex::encode(id) == text { Ok(Self(id)) } else { Err(ParseIdError) }
    }
}

impl Serialize for OwnerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OwnerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Returns the S3 key of a file's bytes. Its length is constant, and it contains no text of a client.
#[must_use]
pub fn file_object_key(owner: OwnerId, id: FileId) -> String {
    format!("files/{owner}/{id}")
}

/// Returns the S3 key of the temporary object of one of a file's streams.
#[must_use]
pub fn stream_object_key(owner: OwnerId, id: FileId, kind: StreamKind) -> String {
    format!("streams/{owner}/{id}/{}", kind.word())
}

/// Returns the S3 key of ffprobe's complete output, for output that is too large for the record.
#[must_use]
pub fn probe_object_key(owner: OwnerId, id: FileId) -> String {
    format!("probes/{owner}/{id}")
}

/// Returns the S3 key of a file's poster.
#[must_use]
pub fn poster_object_key(owner: OwnerId, id: FileId) -> String {
    format!("posters/{owner}/{id}")
}

/// Reads the ids in an S3 key of the form `files/OWNER/ID`.
///
/// # Errors
/// [`ParseIdError`]: the key has another form.
pub fn parse_file_object_key(key: &str) -> Result<(OwnerId, FileId), ParseIdError> {
    let (owner, id) = key.strip_prefix("files/").and_then(|rest| rest.split_once('/')).ok_or(ParseIdError)?;
    let (owner, id) = (owner.parse()?, id.parse()?);
    // A key with another spelling of the id is a different object.
    if file_object_key(owner, id) == key { Ok((owner, id)) } else { Err(ParseIdError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation_and_contain_its_time() {
        let early = FileId::new(Timestamp::from_millis(1_767_323_045_678));
        let late = FileId::new(Timestamp::from_millis(1_767_323_045_679));
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.created_at().millis(), 1_767_323_045_678);
    }

    #[test]
    fn bounds_separate_ids_by_the_millisecond() {
        let at = |millis| Timestamp::from_millis(millis);
        let id = FileId::new(at(1_767_323_045_678)).to_string();
        assert!(FileId::bound(at(1_767_323_045_678)) < id);
        assert!(id < FileId::bound(at(1_767_323_045_679)));
        assert!(FileId::bound(at(0)) < id && id < FileId::bound(at(u64::MAX)));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let id = FileId::new(Timestamp::from_millis(1_767_323_045_678));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        let v4 = "0f8fad5b-d9cb-469f-a165-70867728950e";
        for wrong in ["", "x", "..", &id.to_string().replace('-', ""), v4] {
            assert_eq!(wrong.parse::<FileId>(), Err(ParseIdError), "{wrong}");
        }
    }

    #[test]
    fn object_keys_contain_the_ids_of_the_file() {
        let owner = OwnerId::named("press");
        let id = FileId::new(Timestamp::from_millis(1));
        assert_eq!(parse_file_object_key(&file_object_key(owner, id)), Ok((owner, id)));
        for wrong in ["", "files/", "probes/a/b", &format!("files/{owner}"), &format!("files/{owner}/{id}/x")]
        {
            assert_eq!(parse_file_object_key(wrong), Err(ParseIdError), "{wrong}");
        }
    }
}
