use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use files_domain::{ApiKey, NewKey, Scope, Timestamp};
use files_records::Keys;
use serde_json::json;

use crate::place::PlaceOptions;

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key and shows it, once.
    Create(CreateOptions),
    /// Revokes the key that is given on standard input (so that it stands in no shell history).
    Revoke,
    /// Copies the keys that version 0.1 stored in the files table into the keys table.
    Copy,
}

/// A key to make.
#[derive(Debug, Args)]
pub(crate) struct CreateOptions {
    /// Whose files it opens. The same name is the same owner.
    #[arg(long)]
    owner: String,
    /// What it is for.
    #[arg(long)]
    name: String,
    /// What it may do; may be repeated. All, unless said.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Days until it is refused. For ever, unless said.
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl KeyCommand {
    pub(crate) async fn run(self, place: &PlaceOptions, out: &mut impl Write) -> Result<()> {
        let keys = &place.keys().await?;
        match self {
            Self::Create(options) => options.run(keys, out).await,
            Self::Revoke => revoke(keys, out).await,
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
        if self.json {
            writeln!(out, "{}", json!({"key": key.reveal()}))?;
        } else {
            writeln!(out, "{}\n\nKeep it: it is stored nowhere and cannot be shown again.", key.reveal())?;
        }
        Ok(())
    }
}

async fn revoke(keys: &Keys, out: &mut impl Write) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    let key = ApiKey::parse(text.trim()).context("standard input is not an API key")?;
    let now = Timestamp::from(SystemTime::now());
    keys.revoke(key.hash(), now).await.context("the key could not be revoked")?;
    writeln!(out, "Revoked. Functions that have just used it may still read with it for 30 seconds.")?;
    Ok(())
}
