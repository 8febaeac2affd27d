use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use files_domain::{ApiKey, NewKey, Scope, Timestamp};
use files_records::Keys;

use crate::key_lifecycle::{ListOptions, RevokeOptions, RotateOptions};
use crate::new_key::show;
use crate::place::PlaceOptions;

/// The commands for API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Creates a key and shows it, once.
    Create(CreateOptions),
    /// Creates a key once: shows the key in a file if the table has it, otherwise creates one and writes it to the file.
    Ensure(EnsureOptions),
    /// Lists keys, oldest first. A key itself is stored nowhere.
    List(ListOptions),
    /// Revokes a key.
    Revoke(RevokeOptions),
    /// Creates a key with the owner, name and scopes of another one, and shows it, once; the other one expires after some days.
    Rotate(RotateOptions),
    /// Copies the keys that version 0.1 stored in the files table into the keys table.
    Copy,
}

/// The key to create.
#[derive(Debug, Args)]
pub(crate) struct CreateOptions {
    /// Owner of the files. The same name is the same owner.
    #[arg(long)]
    owner: String,
    /// The purpose of the key.
    #[arg(long)]
    name: String,
    /// Scope of the key; may be repeated. Default: all scopes.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Lifetime in days. Default: unlimited.
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The key to create once, and the file for it.
#[derive(Debug, Args)]
pub(crate) struct EnsureOptions {
    /// File of the key, which only this user can read.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Owner of the files.
    #[arg(long)]
    owner: String,
    /// The purpose of the key.
    #[arg(long)]
    name: String,
}

impl KeyCommand {
    pub(crate) async fn run(self, place: &PlaceOptions, out: &mut impl Write) -> Result<()> {
        let keys = &place.keys().await?;
        match self {
            Self::Create(options) => options.run(keys, out).await,
            Self::Ensure(options) => options.run(keys, out).await,
            Self::List(options) => options.run(keys, place.records().await.ok().as_ref(), out).await,
            Self::Revoke(options) => options.run(keys, out).await,
            Self::Rotate(options) => options.run(keys, out).await,
            Self::Copy => {
                let copied =
                    keys.copy_from(&place.files_table()?).await.context("not all keys were copied")?;
                writeln!(out, "Copied {copied} {}.", if copied == 1 { "key" } else { "keys" })?;
                Ok(())
            }
        }
    }
}

impl CreateOptions {
    async fn run(self, keys: &Keys, out: &mut impl Write) -> Result<()> {
        let now = Timestamp::from(SystemTime::now());
        let lifetime = self.expires_in_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600));
        let scopes =
            if self.scopes.is_empty() { Scope::ALL.into() } else { self.scopes.into_iter().collect() };
        let new = NewKey {
            owner_name: self.owner,
            name: self.name,
            scopes,
            expires_at: lifetime.map(|lifetime| now.plus(lifetime)),
        };
        let key = keys.create(&new, now).await.context("the key could not be stored")?;
        show(&key, self.json, out)
    }
}

impl EnsureOptions {
    async fn run(self, keys: &Keys, out: &mut impl Write) -> Result<()> {
        let Self { file, owner: owner_name, name } = self;
        let kept = read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        if let Some(key) = &kept
            && keys.find(key.hash()).await.context("the keys cannot be read")?.is_some()
        {
            writeln!(out, "{}", key.reveal())?;
            return Ok(());
        }
        let new = NewKey { owner_name, name, scopes: Scope::ALL.into(), expires_at: None };
        let key = keys.create(&new, SystemTime::now().into()).await.context("the key could not be stored")?;
        keep(&file, &key).with_context(|| format!("{} cannot be written", file.display()))?;
        writeln!(out, "{}", key.reveal())?;
        Ok(())
    }
}

/// Reads the key of a file; `None`: there is no such file, or no key in it.
fn read(file: &Path) -> std::io::Result<Option<ApiKey>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(ApiKey::parse(text.trim())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a key to a file that only this user can read. The file holds either the whole key or what it held before.
fn keep(file: &Path, key: &ApiKey) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut written = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    written.write_all(key.reveal().as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&new, file)
}
