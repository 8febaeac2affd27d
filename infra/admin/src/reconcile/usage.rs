//! The usage of an owner against the sum over the files, while functions may change both.
//!
//! Functions change the usage by additions, in the transactions that change the files, so an error in it stays the same whatever they
//! do, and is repaired by one more addition. To measure it, the files are read before and after the usage: if none of them has
//! changed, the usage was read of exactly these files.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};
use files_domain::OwnerId;
use files_records::UsageCounts;

use super::Reconciliation;
use super::finding::{Action, Damage, Finding};
use super::stream::FileStream;

/// Attempts to read an owner's files without a change in between.
const MAX_ATTEMPTS: u32 = 3;

/// The sum over an owner's files, and what tells whether one of them has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    counts: UsageCounts,
    files: u64,
    /// A sum of hashes of ids and versions.
    versions: u64,
}

/// The usage that an item says, and what it should say.
struct Measured {
    recorded: UsageCounts,
    counted: UsageCounts,
}

impl Reconciliation<'_> {
    /// Compares an owner's usage with the sum over the files, and corrects it if repairs are wanted.
    pub(super) async fn compare_usage(
        &self,
        owner: OwnerId,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        let Some(Measured { recorded, counted }) = self.measure(owner).await? else {
            let (damage, action) = (Damage::UsageUnsettled, Action::Kept);
            return report(Finding { owner, file: None, damage, action });
        };
        if recorded == counted {
            return Ok(());
        }
        let action = if self.repair.is_some() {
            let corrected = self.records.correct_usage(owner, counted.minus(recorded)).await;
            corrected.context("the usage cannot be corrected")?;
            Action::Corrected
        } else {
            Action::Reported
        };
        for ((count, recorded), (_, counted)) in recorded.named().zip(counted.named()) {
            if recorded != counted {
                let damage = Damage::Usage { count, recorded, counted };
                report(Finding { owner, file: None, damage, action })?;
            }
        }
        Ok(())
    }

    /// Measures an owner's usage; `None` if the files kept changing.
    async fn measure(&self, owner: OwnerId) -> Result<Option<Measured>> {
        let read = async || self.records.usage_counts(owner).await.context("the usage cannot be read");
        for _ in 0..MAX_ATTEMPTS {
            let before = self.sum(owner).await?;
            let recorded = read().await?;
            let after = self.sum(owner).await?;
            if before == after && recorded == read().await? {
                return Ok(Some(Measured { recorded, counted: before.counts }));
            }
        }
        Ok(None)
    }

    async fn sum(&self, owner: OwnerId) -> Result<Sum> {
        let (mut files, mut sum) = (FileStream::new(self.records, owner), Sum::default());
        while let Some(file) = files.next().await? {
            let mut hasher = DefaultHasher::new();
            (file.id, file.version).hash(&mut hasher);
            sum.versions = sum.versions.wrapping_add(hasher.finish());
            sum.files += 1;
            sum.counts.add(&file);
        }
        Ok(sum)
    }
}
