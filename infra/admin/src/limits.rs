use std::io::Write;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use files_domain::{Limit, LimitNumbers, OwnerId, limits};
use files_records::Keys;
use serde_json::{Map, Value, json};

use crate::period::seconds;
use crate::place::PlaceOptions;

/// The commands for owners' own limits. The template's limits apply where an owner has none.
#[derive(Debug, Subcommand)]
pub(crate) enum LimitsCommand {
    /// Shows an owner's own limits.
    Show(OwnerOptions),
    /// Sets some of an owner's own limits; 0 sets no limit. Functions apply it within 30 seconds.
    Set(SetOptions),
    /// Removes an owner's own limits.
    Reset(OwnerOptions),
}

/// The owner of the limits.
#[derive(Debug, Args)]
pub(crate) struct OwnerOptions {
    /// The owner's name, as given to `key create`.
    #[arg(long)]
    owner: String,
}

/// Limits to set.
#[derive(Debug, Args)]
#[group(id = "limits", required = true, multiple = true, args = [
    "stored_bytes", "files", "file_bytes", "pending_uploads", "imports", "previews", "requests_per_second", "retention",
])]
pub(crate) struct SetOptions {
    #[command(flatten)]
    owner: OwnerOptions,
    /// Bytes stored, unfinished uploads included.
    #[arg(long, value_name = "BYTES")]
    stored_bytes: Option<u64>,
    /// Files, whatever their status.
    #[arg(long, value_name = "N")]
    files: Option<u64>,
    /// Bytes of one file. The template's `MaxFileBytes` bounds it.
    #[arg(long, value_name = "BYTES")]
    file_bytes: Option<u64>,
    /// Uploads that wait for their bytes.
    #[arg(long, value_name = "N")]
    pending_uploads: Option<u64>,
    /// Imports that are queued or running.
    #[arg(long, value_name = "N")]
    imports: Option<u64>,
    /// Previews that run at the same time.
    #[arg(long, value_name = "N")]
    previews: Option<u64>,
    /// Requests per second.
    #[arg(long, value_name = "N")]
    requests_per_second: Option<u64>,
    /// Lifetime of files that are created without `expires_in`: seconds, or a number with s, m, h or d, such as 30d. A default:
    /// requests may give longer ones.
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    retention: Option<u64>,
}

impl LimitsCommand {
    pub(crate) async fn run(self, place: &PlaceOptions, out: &mut impl Write) -> Result<()> {
        let keys = place.keys().await?;
        match self {
            Self::Show(options) => show(&keys, options.id(), out).await,
            Self::Set(options) => {
                let owner = options.owner.id();
                keys.set_limits(owner, &options.numbers()).await.context("the limits could not be set")?;
                show(&keys, owner, out).await
            }
            Self::Reset(options) => {
                keys.reset_limits(options.id()).await.context("the limits could not be removed")?;
                show(&keys, options.id(), out).await
            }
        }
    }
}

impl OwnerOptions {
    fn id(&self) -> OwnerId {
        OwnerId::named(&self.owner)
    }
}

impl SetOptions {
    fn numbers(&self) -> LimitNumbers {
        let given = [
            (Limit::StoredBytes, self.stored_bytes),
            (Limit::Files, self.files),
            (Limit::FileBytes, self.file_bytes),
            (Limit::PendingUploads, self.pending_uploads),
            (Limit::Imports, self.imports),
            (Limit::Previews, self.previews),
            (Limit::RequestsPerSecond, self.requests_per_second),
            (Limit::Retention, self.retention),
        ];
        given.into_iter().filter_map(|(limit, number)| Some((limit, number?))).collect()
    }
}

/// Reads a lifetime in seconds, such as `3600`, `1h` or `30d`; 0 for none.
fn lifetime(text: &str) -> Result<u64, String> {
    seconds(text)
        .filter(|seconds| *seconds <= limits::MAX_EXPIRES_IN.as_secs())
        .ok_or_else(|| "give seconds, or a number with s, m, h or d, up to 10 years; 0 for none".to_owned())
}

/// Writes an owner's own limits as one line of JSON.
async fn show(keys: &Keys, owner: OwnerId, out: &mut impl Write) -> Result<()> {
    let own = keys.own_limits(owner).await.context("the limits cannot be read")?;
    let own: Map<String, Value> =
        own.into_iter().map(|(limit, number)| (limit.to_string(), json!(number))).collect();
    writeln!(out, "{}", Value::Object(own))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_unit_or_is_in_seconds() {
        for (text, seconds) in [("0", 0), ("90", 90), ("30d", 2_592_000), ("3650d", 315_360_000)] {
            assert_eq!(lifetime(text), Ok(seconds), "{text}");
        }
        for wrong in ["1w", "3651d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
