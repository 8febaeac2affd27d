//! The design's invariants, checked on one owner's stores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use files_tests::backend::{Item, status, text};
use files_tests::{Owner, media};
use serde_json::Value;

use crate::client;

/// The expected end of a file.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// `success`, with these bytes.
    Bytes(Bytes),
    /// `failed`.
    Failed,
    /// `success` with these bytes, or `failed`: too many faults for a certain result.
    BytesOrFailed(Bytes),
    /// Deleted.
    Gone,
    /// `success` with these packets of a picture and a sound, in MP4.
    Joined(Arc<[Vec<String>; 2]>),
    /// Deleted, or not deleted.
    Unknown,
}

/// The state of a file as a client has seen it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its id.
    pub(crate) id: String,
    /// The operation that created or changed it.
    pub(crate) what: String,
    /// Its expected end.
    pub(crate) end: End,
}

/// Returns the violations of the invariants once all work has ended; each line names the files.
pub(crate) async fn violations(owner: &Owner, known: &[Known]) -> Vec<String> {
    let stores = Stores::read(owner).await;
    let mut wrong = stores.orphans(owner).await;
    for line in &mut wrong {
        if let Some(known) = known.iter().find(|known| line.contains(&known.id)) {
            line.push_str(&format!(" ({})", known.what));
        }
    }
    wrong.extend(stores.is_counted(owner).await);
    wrong.extend(stores.is_listed(owner).await);
    for id in stores.files.keys() {
        let end = known.iter().find(|known| known.id == *id);
        if let Err(what) = check_file(owner, &stores, id, end).await {
            wrong.push(format!("file {id} ({}): {what}", end.map_or("?", |known| &known.what)));
        }
    }
    for Known { id, what, end } in known {
        if !stores.files.contains_key(id) && !matches!(end, End::Gone | End::Unknown) {
            wrong.push(format!("file {id} ({what}) is lost"));
        }
    }
    wrong
}

/// The content of all stores of an owner.
struct Stores {
    /// The summaries by id.
    files: BTreeMap<String, Item>,
    /// The other sort keys.
    others: Vec<String>,
    /// Sizes by key.
    objects: BTreeMap<String, i64>,
}

impl Stores {
    async fn read(owner: &Owner) -> Self {
        let (mut files, mut others) = (BTreeMap::new(), Vec::new());
        for item in owner.backend.items().await {
            let sk = text(&item, "sk").expect("a sort key").to_owned();
            match sk.strip_prefix("file#") {
                Some(id) => drop(files.insert(id.to_owned(), item)),
                None => others.push(sk),
            }
        }
        Self { files, others, objects: owner.backend.object_sizes().await }
    }

    /// Checks that every record and object belongs to a file.
    async fn orphans(&self, owner: &Owner) -> Vec<String> {
        let mut wrong = Vec::new();
        for sk in &self.others {
            let (kind, id) = sk.split_once('#').unwrap_or((sk, ""));
            match kind {
                "usage" | "idem" | "slots" | "rate" | "used" | "endpoint" | "endpoints" | "delivery" => {}
                "detail" if self.files.contains_key(id) => {}
                _ => wrong.push(format!("the record {sk} belongs to no file")),
            }
        }
        for key in self.objects.keys() {
            let is_temporary = key.starts_with("streams/");
            if is_temporary || self.files.get(id_in(key)).and_then(status) != Some("success") {
                wrong.push(format!("the object {key} belongs to no file that has bytes"));
            }
        }
        for (key, parts) in owner.backend.unfinished_uploads().await {
            // An upload without parts has no bytes: its creator was killed before it was recorded, and the bucket's lifecycle
            // aborts it.
            if parts > 0 {
                wrong.push(format!("an unfinished upload of {key} has {parts} parts"));
            }
        }
        wrong
    }

    /// Checks that usage is the sum of the records and of the objects.
    async fn is_counted(&self, owner: &Owner) -> Option<String> {
        let (usage, sum) = (owner.backend.usage().await, owner.backend.sum().await);
        let prefix = owner.backend.object_key("019aa1b2-c3d4-7e5f-8a6b-0123456789ab");
        let prefix = &prefix[..=prefix.rfind('/').expect("a folder")];
        let stored: i64 =
            self.objects.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, size)| size).sum();
        let (pending, files) = owner.backend.pending_uploads().await;
        (usage != sum || usage.bytes != stored || usage.imports != 0 || pending != files).then(|| {
            format!(
                "usage is {usage:?} with {pending} uploads, the records' sum {sum:?} with {files}, stored are {stored} bytes"
            )
        })
    }

    /// Checks that the list has every record once.
    async fn is_listed(&self, owner: &Owner) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut listed = BTreeSet::new();
        let mut query = "?limit=100".to_owned();
        loop {
            let page = owner.list(&query).await;
            for file in page["files"].as_array().expect("files") {
                let id = file["id"].as_str().expect("an id").to_owned();
                if !self.files.contains_key(&id) {
                    wrong.push(format!("file {id} is listed and has no record"));
                }
                if !listed.insert(id.clone()) {
                    wrong.push(format!("file {id} is listed twice"));
                }
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("?limit=100&cursor={cursor}");
        }
        wrong.extend(
            self.files.keys().filter(|id| !listed.contains(*id)).map(|id| format!("file {id} is not listed")),
        );
        wrong
    }
}

/// Returns the id of the file in the key of an object.
pub(crate) fn id_in(key: &str) -> &str {
    key.split('/').nth(2).unwrap_or_default()
}

/// Checks that a file has its expected end, and that its record matches its bytes.
async fn check_file(owner: &Owner, stores: &Stores, id: &str, known: Option<&Known>) -> Result<(), String> {
    let item = &stores.files[id];
    for left in [
        "due_at",
        "lease_until",
        "upload_id",
        "part_size",
        "progress",
        "resume",
        "transient_failures",
        "streams",
    ] {
        if item.contains_key(left) && !(left.starts_with("due") && item.contains_key("expires_at")) {
            return Err(format!("{left} is left: {item:?}"));
        }
    }
    let end = known.map(|known| &known.end);
    let stored = stores.objects.get(&owner.backend.object_key(id)).copied();
    match (status(item), end) {
        (Some("failed"), None | Some(End::Failed | End::BytesOrFailed(_) | End::Unknown)) => match stored {
            None => Ok(()),
            Some(size) => Err(format!("failed, with {size} bytes")),
        },
        (
            Some("success"),
            None | Some(End::Bytes(_) | End::BytesOrFailed(_) | End::Joined(_) | End::Unknown),
        ) => check_bytes(owner, id, stored, end).await,
        (status, end) => Err(format!("{status:?} is not the end {}: {item:?}", name_of(end))),
    }
}

/// Checks that the bytes can be downloaded and are the expected ones.
async fn check_bytes(owner: &Owner, id: &str, stored: Option<i64>, end: Option<&End>) -> Result<(), String> {
    let file = owner.file(id).await;
    let bytes = client::download(owner, &file).await?;
    let length = i64::try_from(bytes.len()).ok();
    if length.is_none() || length != stored || length != file["size"].as_i64() {
        return Err(format!("of {:?} bytes {stored:?} are stored: {file}", file["size"]));
    }
    if let Some(End::Bytes(expected) | End::BytesOrFailed(expected)) = end
        && bytes != *expected
    {
        return Err(format!("other bytes: {file}"));
    }
    if let Some(End::Joined(expected)) = end {
        let found = ["0:v:0", "0:a:0"].map(|stream| media::packets(&bytes, stream));
        if found != **expected || file["content_type"] != "video/mp4" {
            return Err(format!("other packets: {file}"));
        }
    }
    match file["checksum"]["sha256"].as_str() {
        Some(sha256) if sha256 != media::sha256(&bytes) => Err(format!("another checksum: {file}")),
        None if file["checksum"] == Value::Null => Err(format!("no checksum: {file}")),
        _ => Ok(()),
    }
}

fn name_of(end: Option<&End>) -> &'static str {
    match end {
        Some(End::Bytes(_) | End::Joined(_)) => "success",
        Some(End::Failed) => "failed",
        Some(End::Gone) => "deleted",
        _ => "of any file",
    }
}
