//! Lists of the bucket, for its operator. Functions may not list it.

use aws_sdk_s3::types::Object;
use files_domain::{
    FileId, OwnerId, StreamKind, Timestamp, file_object_key, poster_object_key, probe_object_key,
    stream_object_key,
};

use crate::{Objects, ObjectsError};

/// An object in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The file that its key names.
    pub id: FileId,
    /// Size in bytes.
    pub size: u64,
    /// When it was stored.
    pub modified: Timestamp,
}

/// Up to 1,000 objects of one owner, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectsPage {
    /// The objects.
    pub objects: Vec<ListedObject>,
    /// Keys under the owner's prefix that are no file's.
    pub foreign: Vec<String>,
    /// The position of the next page; `None` after the last one.
    pub next: Option<String>,
}

/// Which objects of an owner to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// The files' bytes.
    File,
    /// ffprobe's output that is too large for the records.
    Probe,
    /// The files' posters.
    Poster,
    /// The temporary objects of separate streams: up to two of a file, which are listed with the same id.
    Stream,
}

impl ObjectKind {
    /// Returns the keys of a file's objects.
    fn keys(self, owner: OwnerId, id: FileId) -> Vec<String> {
        match self {
            Self::File => vec![file_object_key(owner, id)],
            Self::Probe => vec![probe_object_key(owner, id)],
            Self::Poster => vec![poster_object_key(owner, id)],
            Self::Stream => StreamKind::ALL.map(|kind| stream_object_key(owner, id, kind)).to_vec(),
        }
    }

    /// Returns the prefix of the keys of all owners.
    fn prefix(self) -> &'static str {
        match self {
            Self::File => "files/",
            Self::Probe => "probes/",
            Self::Poster => "posters/",
            Self::Stream => "streams/",
        }
    }

    /// Reads an object of a list; `None`: its key is no file's.
    fn listed(self, owner: OwnerId, object: &Object) -> Option<ListedObject> {
        let key = object.key()?;
        let id = key.split('/').nth(2)?.parse().ok()?;
        let modified = object.last_modified()?.to_millis().ok()?;
        self.keys(owner, id).iter().any(|own| own == key).then_some(ListedObject {
            id,
            size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            modified: Timestamp::from_millis(u64::try_from(modified).unwrap_or(0)),
        })
    }
}

impl Objects {
    /// Lists one page of an owner's objects, by one `ListObjectsV2`.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn list(
        &self,
        kind: ObjectKind,
        owner: OwnerId,
        from: Option<String>,
    ) -> Result<ObjectsPage, ObjectsError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        let list = list.prefix(format!("{}{owner}/", kind.prefix())).set_continuation_token(from);
        let listed = list.send().await.map_err(ObjectsError::from_sdk)?;
        let mut page = ObjectsPage { next: listed.next_continuation_token, ..ObjectsPage::default() };
        for object in listed.contents.unwrap_or_default() {
            match kind.listed(owner, &object) {
                Some(object) => page.objects.push(object),
                None => page.foreign.extend(object.key),
            }
        }
        Ok(page)
    }

    /// Lists one page of the owners who have objects. Returns them and the position of the next page. S3 groups the keys, so a page
    /// costs one call, however many objects the owners have.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn list_owners(
        &self,
        kind: ObjectKind,
        from: Option<String>,
    ) -> Result<(Vec<OwnerId>, Option<String>), ObjectsError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        let list = list.prefix(kind.prefix()).delimiter("/").set_continuation_token(from);
        let listed = list.send().await.map_err(ObjectsError::from_sdk)?;
        let owner = |prefix: &str| prefix.strip_prefix(kind.prefix())?.strip_suffix('/')?.parse().ok();
        let owners = listed.common_prefixes().iter().filter_map(|group| owner(group.prefix()?)).collect();
        Ok((owners, listed.next_continuation_token))
    }

    /// Returns whether a file has an object of a kind, by one `HeadObject` for each possible key.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn has_object(
        &self,
        kind: ObjectKind,
        owner: OwnerId,
        id: FileId,
    ) -> Result<bool, ObjectsError> {
        for key in kind.keys(owner, id) {
            let head = self.client.head_object().bucket(&self.bucket).key(key);
            match head.send().await.map_err(ObjectsError::from_sdk) {
                Ok(_) => return Ok(true),
                Err(ObjectsError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Deletes the objects of a kind of a file. Ignores those that do not exist.
    ///
    /// # Errors
    /// [`ObjectsError::Failed`].
    pub async fn delete_object(
        &self,
        kind: ObjectKind,
        owner: OwnerId,
        id: FileId,
    ) -> Result<(), ObjectsError> {
        for key in kind.keys(owner, id) {
            self.delete(key).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::DateTime;

    use super::*;

    #[test]
    fn only_keys_of_files_are_files() {
        let (owner, now) = (OwnerId::named("press"), Timestamp::from_millis(1_767_323_045_000));
        let id = FileId::new(now);
        let object = |key: String| {
            let object = Object::builder().key(key).size(7);
            object.last_modified(DateTime::from_millis(1_767_323_045_000)).build()
        };
        let listed = |kind: ObjectKind, key| kind.listed(owner, &object(key));
        let found = Some(ListedObject { id, size: 7, modified: now });
        assert_eq!(listed(ObjectKind::File, format!("files/{owner}/{id}")), found);
        assert_eq!(listed(ObjectKind::Probe, format!("probes/{owner}/{id}")), found);
        assert_eq!(listed(ObjectKind::Poster, format!("posters/{owner}/{id}")), found);
        for stream in ["picture", "sound"] {
            assert_eq!(listed(ObjectKind::Stream, format!("streams/{owner}/{id}/{stream}")), found);
        }
        for foreign in [format!("{id}"), format!("{id}/"), format!("{id}/text"), format!("{id}/sound/x")] {
            assert_eq!(listed(ObjectKind::Stream, format!("streams/{owner}/{foreign}")), None, "{foreign}");
        }
        let upper = id.to_string().to_uppercase();
        for foreign in ["", "/x", &format!("/{id}"), &format!("{id}/"), &format!("x/{id}"), &upper] {
            assert_eq!(listed(ObjectKind::File, format!("files/{owner}/{foreign}")), None, "{foreign}");
        }
    }
}
