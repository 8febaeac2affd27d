use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::Args;
use files_domain::{ApiKey, KeyHash, KeyId, KeyRecord, NewKey, OwnerId, Scope, Timestamp};
use files_records::{Keys, Records, RecordsError};
use serde_json::{Value, json};

use crate::new_key::show;

/// The keys to list.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Only the keys of this owner.
    #[arg(long)]
    owner: Option<String>,
    /// Print JSON, one object a line. `last_used` is null for a key that was never used, and missing if no files table is named.
    #[arg(long)]
    json: bool,
}

/// The key to revoke.
#[derive(Debug, Args)]
pub(crate) struct RevokeOptions {
    /// Its id, as `key list` shows it. Without one the key itself is read from standard input, so that no shell history
    /// contains it.
    #[arg(value_name = "ID")]
    id: Option<KeyId>,
}

/// The key to replace.
#[derive(Debug, Args)]
pub(crate) struct RotateOptions {
    /// Its id, as `key list` shows it.
    #[arg(value_name = "ID")]
    id: KeyId,
    /// Days for which the old key stays valid; 0 revokes it at once.
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    keep_old_days: u32,
    /// Lifetime of the new key in days. Default: unlimited.
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl ListOptions {
    /// Writes the keys. Without the files table, the days of their last use are left out.
    pub(crate) async fn run(
        self,
        keys: &Keys,
        records: Option<&Records>,
        out: &mut impl Write,
    ) -> Result<()> {
        let (owner, now) = (self.owner.as_deref().map(OwnerId::named), SystemTime::now().into());
        let keys = keys.list(owner).await.context("the keys cannot be read")?;
        let ids: Vec<_> = keys.iter().map(|(hash, record)| (record.owner, hash.id())).collect();
        let days = match records {
            Some(records) => Some(records.days_of_use(&ids).await.context("the files table cannot be read")?),
            None => None,
        };
        for (hash, record) in keys {
            let last_used =
                days.as_ref().map(|days| days.get(&(record.owner, hash.id())).map(String::as_str));
            if self.json {
                writeln!(out, "{}", described(hash, &record, last_used, now))?;
            } else {
                writeln!(out, "{}", line(hash, &record, last_used, now))?;
            }
        }
        Ok(())
    }
}

fn status(record: &KeyRecord, now: Timestamp) -> &'static str {
    match record {
        KeyRecord { revoked_at: Some(_), .. } => "revoked",
        record if record.is_over(now) => "expired",
        _ => "active",
    }
}

fn scopes(record: &KeyRecord) -> Vec<&'static str> {
    record.scopes.iter().copied().map(Scope::as_str).collect()
}

/// The day of a key's last use; `None` inside: never, outside: unknown.
type LastUsed<'a> = Option<Option<&'a str>>;

fn described(hash: KeyHash, record: &KeyRecord, last_used: LastUsed<'_>, now: Timestamp) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let mut described = json!({
        "id": hash.id().to_string(), "owner": record.owner_name, "name": record.name, "scopes": scopes(record),
        "status": status(record, now), "created_at": record.created_at.to_string(),
        "expires_at": time(record.expires_at), "revoked_at": time(record.revoked_at),
    });
    if let Some(day) = last_used {
        described["last_used"] = json!(day);
    }
    described
}

/// Returns a key in one line. Names are quoted, since they may hold any character.
fn line(hash: KeyHash, record: &KeyRecord, last_used: LastUsed<'_>, now: Timestamp) -> String {
    let expiry = record.expires_at.map(|at| format!("  expires {at}")).unwrap_or_default();
    let used = match last_used {
        None => String::new(),
        Some(None) => "  never used".to_owned(),
        Some(Some(day)) => format!("  used {day}"),
    };
    format!(
        "{}  {:<7}  {}  {:?}  {:?}  {}{used}{expiry}",
        hash.id(),
        status(record, now),
        record.created_at,
        record.owner_name,
        record.name,
        scopes(record).join(","),
    )
}

impl RevokeOptions {
    pub(crate) async fn run(self, keys: &Keys, out: &mut impl Write) -> Result<()> {
        let hash = match self.id {
            Some(id) => find(keys, id).await?.0,
            None => from_standard_input()?.hash(),
        };
        keys.revoke(hash, SystemTime::now().into()).await.context("the key could not be revoked")?;
        writeln!(out, "Revoked. Functions that have just used it may still read with it for 30 seconds.")?;
        Ok(())
    }
}

fn from_standard_input() -> Result<ApiKey> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    ApiKey::parse(text.trim()).context("standard input is not an API key")
}

async fn find(keys: &Keys, id: KeyId) -> Result<(KeyHash, KeyRecord)> {
    keys.find_by_id(id).await.with_context(|| format!("no key with the id {id}"))
}

impl RotateOptions {
    /// The new key is stored first: if the rest fails, both are valid, and `key list` shows them.
    pub(crate) async fn run(self, keys: &Keys, out: &mut impl Write) -> Result<()> {
        let now = Timestamp::from(SystemTime::now());
        let (hash, old) = find(keys, self.id).await?;
        anyhow::ensure!(!old.is_over(now), "the key {} is {} already", self.id, status(&old, now));
        let new = NewKey {
            owner_name: old.owner_name,
            name: old.name,
            scopes: old.scopes,
            expires_at: self.expires_in_days.map(|days| now.plus(DAY * days)),
        };
        let key = keys.create(&new, now).await.context("the new key could not be stored")?;
        show(&key, self.json, out)?;
        self.end_old(keys, hash, now).await.context("the old key is still valid: revoke it")
    }

    async fn end_old(&self, keys: &Keys, old: KeyHash, now: Timestamp) -> Result<(), RecordsError> {
        if self.keep_old_days == 0 {
            return keys.revoke(old, now).await;
        }
        match keys.expire(old, now.plus(DAY * self.keep_old_days)).await {
            Err(RecordsError::NotFound) => Ok(()), // it expires earlier
            outcome => outcome,
        }
    }
}
