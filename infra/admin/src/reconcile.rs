//! Compares the records with the bucket: `files-admin reconcile`.
//!
//! Both sides of an owner are read in the order of their ids, a page at a time, so memory does not grow with the number of files.
//! A difference counts only if it is older than the time in which the service cleans up after itself, and only if a consistent read
//! of the record and of the object confirms it. Repairs are conditional writes, so the service may run meanwhile.

mod derived;
mod finding;
mod owner;
mod repair;
mod stream;
mod usage;

pub use finding::{Action, Damage, Finding};
pub use repair::BytesWithoutRecord;

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::Args;
use files_domain::{OwnerId, Timestamp};
use files_objects::{ObjectKind, Objects};
use files_records::{Keys, Records};

/// Hours in which the service itself deletes what a removed file leaves: a presigned PUT of it lives for one.
const CLEAN_UP_HOURS: u32 = 2;

/// What to compare, and what to do about differences.
#[derive(Debug, Args)]
pub struct ReconcileOptions {
    /// Compare only this owner's files, by the name given to `key create`.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Compare only this owner's files, by the id in the bucket's keys.
    #[arg(long, value_name = "ID", conflicts_with = "owner")]
    owner_id: Option<OwnerId>,
    /// Repair: delete records without bytes and left temporary streams, correct the usage and records without their poster, and treat
    /// bytes without a record as --bytes says. Without it, the differences are only printed.
    #[arg(long)]
    repair: bool,
    /// What --repair does with bytes without a record.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, requires = "repair")]
    bytes: BytesWithoutRecord,
    /// Skip files and objects that are younger than this.
    #[arg(long, value_name = "HOURS", default_value_t = CLEAN_UP_HOURS,
          value_parser = clap::value_parser!(u32).range(i64::from(CLEAN_UP_HOURS)..))]
    older_than_hours: u32,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// A comparison of records and bytes.
#[derive(Debug)]
pub struct Reconciliation<'a> {
    /// The records.
    pub records: &'a Records,
    /// The objects.
    pub objects: &'a Objects,
    /// What to do with bytes without a record; `None`: report only, and change nothing.
    pub repair: Option<BytesWithoutRecord>,
    /// Records and objects that are newer are left alone.
    pub older_than: Timestamp,
    /// The current time.
    pub now: Timestamp,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Owners.
    pub owners: u64,
    /// Records of files.
    pub records: u64,
    /// Objects with files' bytes.
    pub objects: u64,
}

impl ReconcileOptions {
    /// Compares, prints the differences, and repairs them if requested.
    ///
    /// # Errors
    /// A table or the bucket cannot be read or written, or the output cannot be written.
    pub async fn run(
        self,
        records: &Records,
        keys: &Keys,
        objects: &Objects,
        out: &mut impl Write,
    ) -> Result<()> {
        let now = Timestamp::from(SystemTime::now());
        let age = Duration::from_secs(u64::from(self.older_than_hours) * 3600);
        let older_than = Timestamp::from_millis(
            now.millis().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        );
        let repair = self.repair.then_some(self.bytes);
        let reconciliation = Reconciliation { records, objects, repair, older_than, now };
        let names = owner_names(keys).await?;
        let (mut compared, mut found, mut repaired) = (Compared::default(), 0_u64, 0_u64);
        let mut print = |finding: Finding| {
            found += 1;
            repaired += u64::from(finding.action.is_repair());
            let name = names.get(&finding.owner).map(String::as_str);
            if self.json {
                writeln!(out, "{}", finding.to_json(name))?;
            } else {
                writeln!(out, "{}", finding.to_line(name))?;
            }
            Ok(())
        };
        match self.owner.as_deref().map(OwnerId::named).or(self.owner_id) {
            Some(owner) => reconciliation.owner(owner, &mut compared, &mut print).await?,
            None => reconciliation.all(names.keys().copied(), &mut compared, &mut print).await?,
        }
        if !self.json {
            let Compared { owners, records, objects } = compared;
            writeln!(out, "Compared {records} records with {objects} objects of {owners} owners.")?;
            writeln!(out, "Found {found} differences, repaired {repaired}.")?;
        }
        Ok(())
    }
}

/// Returns the names of the owners who have, or had, an API key.
async fn owner_names(keys: &Keys) -> Result<HashMap<OwnerId, String>> {
    let keys = keys.list(None).await.context("the keys cannot be read")?;
    Ok(keys.into_iter().map(|(_, key)| (key.owner, key.owner_name)).collect())
}

impl Reconciliation<'_> {
    /// Compares the files of the given owners, and of all others who have objects, one owner after the other.
    ///
    /// # Errors
    /// A table or the bucket cannot be read or written; an error of `report`.
    pub async fn all(
        &self,
        owners: impl IntoIterator<Item = OwnerId>,
        compared: &mut Compared,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        let mut done = std::collections::HashSet::new();
        for owner in owners {
            if done.insert(owner) {
                self.owner(owner, compared, report).await?;
            }
        }
        for kind in [ObjectKind::File, ObjectKind::Probe, ObjectKind::Poster, ObjectKind::Stream] {
            let mut position = None;
            loop {
                let page = self.objects.list_owners(kind, position).await;
                let (owners, next) = page.context("the bucket cannot be listed")?;
                for owner in owners {
                    if done.insert(owner) {
                        self.owner(owner, compared, report).await?;
                    }
                }
                position = next;
                if position.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Compares the files of one owner, then ffprobe's outputs, posters and temporary streams, then the usage.
    ///
    /// # Errors
    /// As [`Reconciliation::all`].
    pub async fn owner(
        &self,
        owner: OwnerId,
        compared: &mut Compared,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        compared.owners += 1;
        self.compare_files(owner, compared, report).await?;
        self.compare_probe_outputs(owner, report).await?;
        self.compare_posters(owner, report).await?;
        self.compare_streams(owner, report).await?;
        self.compare_usage(owner, report).await
    }
}
