use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use files_domain::OwnerId;
use sha2::{Digest, Sha256};

use crate::{ApiError, Reason};

/// A position in a list, bound to its owner, order and filters. It contains no secret and grants no access, since a list requires
/// the caller's key. The check only prevents that a client uses a cursor of another list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor;

const CHECK_CHARS: usize = 16;

impl Cursor {
    /// Returns the cursor after `id` in the list of `owner` that `shape` (order and filters) describes.
    #[must_use]
    pub fn after(id: impl Display, owner: OwnerId, shape: &str) -> String {
        BASE64.encode(format!("{id}{}", check(&id, owner, shape)))
    }

    /// Returns the id after which a list continues.
    ///
    /// # Errors
    /// [`Reason::MalformedCursor`].
    pub fn read<T: FromStr + Display>(text: &str, owner: OwnerId, shape: &str) -> Result<T, ApiError> {
        let parse = || {
            let plain = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
            let (text, given) = plain.split_at_checked(plain.len().checked_sub(CHECK_CHARS)?)?;
            let id: T = text.parse().ok()?;
            // Ids may be in capitals, but not in a cursor.
            (id.to_string() == text && check(&id, owner, shape) == given).then_some(id)
        };
        parse().ok_or_else(|| ApiError::from(Reason::MalformedCursor))
    }
}

fn check(id: &impl Display, owner: OwnerId, shape: &str) -> String {
    let digest = Sha256::digest(format!("files cursor\0{owner}\0{shape}\0{id}"));
    let mut check = hex::encode(digest);
    check.truncate(CHECK_CHARS);
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::FileId;

    #[test]
    fn a_cursor_is_valid_for_its_list_only() {
        let id: FileId = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab".parse().unwrap();
        let (mine, theirs) = (OwnerId::named("mine"), OwnerId::named("theirs"));
        let cursor = Cursor::after(id, mine, "desc");
        assert_eq!(Cursor::read::<FileId>(&cursor, mine, "desc").unwrap(), id);
        let changed = format!("A{}", &cursor[1..]);
        let (plain, check) = (id.to_string(), &BASE64.decode(&cursor).unwrap()[36..]);
        let capitals = BASE64.encode([plain.to_uppercase().as_bytes(), check].concat());
        for (text, owner, shape) in [
            (cursor.as_str(), theirs, "desc"),
            (cursor.as_str(), mine, "asc"),
            (&changed, mine, "desc"),
            (&capitals, mine, "desc"),
            ("", mine, "desc"),
            ("é", mine, "desc"),
        ] {
            assert_eq!(
                Cursor::read::<FileId>(text, owner, shape).unwrap_err().reason(),
                Reason::MalformedCursor,
                "{text}"
            );
        }
    }
}
