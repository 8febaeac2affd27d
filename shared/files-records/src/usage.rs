//! An owner's usage: one item, which changes in the transactions that change the owner's files, on the condition that the owner's
//! limits are not exceeded.

use aws_sdk_dynamodb::types::{
    CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use files_domain::{File, Limit, LimitExceeded, OwnerId, OwnerLimits, Usage};

use crate::attribute::{Item, number};
use crate::error::{corrupt, unavailable};
use crate::keys::{owner_pk, primary_key};
use crate::transact::condition_failed;
use crate::{Records, RecordsError};

/// Sort key of the item.
pub(crate) const USAGE_SK: &str = "usage";

/// The attributes of the item: the limit of each, its name, and its placeholder in expressions.
const COUNTS: [(Limit, &str, &str); 4] = [
    (Limit::Files, "stored_files", ":files"),
    (Limit::StoredBytes, "stored_bytes", ":bytes"),
    (Limit::Imports, "imports", ":imports"),
    (Limit::PendingUploads, "pending_uploads", ":pending"),
];

/// Returns the amount that a file counts towards a limit.
fn count(limit: Limit, file: &File) -> u64 {
    match limit {
        Limit::Files => 1,
        Limit::StoredBytes => file.reserved_bytes(),
        Limit::Imports => file.import().is_some().into(),
        Limit::PendingUploads => file.is_pending_upload().into(),
        Limit::FileBytes | Limit::Previews | Limit::RequestsPerSecond | Limit::Retention => 0,
    }
}

/// The counts of an owner's usage, in the order of `COUNTS`. They are signed, because a damaged item may hold negative numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts([i128; COUNTS.len()]);

impl UsageCounts {
    /// Counts one more file.
    pub fn add(&mut self, file: &File) {
        for (sum, (limit, ..)) in self.0.iter_mut().zip(COUNTS) {
            *sum += i128::from(count(limit, file));
        }
    }

    /// Returns what must be added to `other` to get this.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        let mut difference = self;
        for (number, other) in difference.0.iter_mut().zip(other.0) {
            *number -= other;
        }
        difference
    }

    /// Returns the counts with their names.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, i128)> {
        COUNTS.iter().zip(self.0).map(|((_, name, _), number)| (*name, number))
    }
}

/// The difference that a change of one file makes to its owner's usage, in the order of [`COUNTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsageChange([i128; COUNTS.len()]);

impl UsageChange {
    /// Returns the difference between `before` and `after`; `None`: no such file.
    pub(crate) fn between(before: Option<&File>, after: Option<&File>) -> Self {
        let of = |limit, file: Option<&File>| file.map_or(0, |file| i128::from(count(limit, file)));
        Self(COUNTS.map(|(limit, ..)| of(limit, after) - of(limit, before)))
    }

    /// Returns the difference by the end of a pending upload.
    pub(crate) fn upload_received() -> Self {
        Self(COUNTS.map(|(limit, ..)| -i128::from(limit == Limit::PendingUploads)))
    }

    /// Returns the limits that may be exceeded, as indexes of [`COUNTS`], with the most that may be used before the change.
    fn bounds(self, limits: &OwnerLimits) -> impl Iterator<Item = (usize, i128)> {
        COUNTS.iter().zip(self.0).enumerate().filter_map(move |(index, ((limit, ..), change))| {
            let max = limits.get(*limit).filter(|_| change > 0)?;
            Some((index, i128::from(max) - change))
        })
    }

    /// Returns the limit that the change would exceed, by the item as it is stored.
    fn exceeded(self, limits: &OwnerLimits, item: &Item) -> Option<LimitExceeded> {
        let mut changes = COUNTS.iter().zip(self.0).filter(|(_, change)| *change > 0);
        changes.find_map(|((limit, name, _), change)| {
            let requested = u64::try_from(change).unwrap_or(u64::MAX);
            limits.check(*limit, stored_number(item, name), requested).err()
        })
    }
}

impl From<UsageCounts> for UsageChange {
    fn from(difference: UsageCounts) -> Self {
        Self(difference.0)
    }
}

/// A change of an owner's usage as an item of a transaction, with the limits that it checks.
pub(crate) struct UsageUpdate<'a> {
    change: UsageChange,
    limits: &'a OwnerLimits,
    /// Index of the item in its transaction.
    index: usize,
}

impl UsageUpdate<'_> {
    /// Returns the limit that made the transaction fail, if one did.
    pub(crate) fn exceeded(&self, reasons: &[CancellationReason]) -> Option<LimitExceeded> {
        if !condition_failed(reasons, self.index) {
            return None;
        }
        let item = reasons[self.index].item.clone().unwrap_or_default();
        self.change.exceeded(self.limits, &item)
    }
}

impl Records {
    /// Adds a change of the owner's usage to the items of a transaction, on the condition that `limits` are not exceeded. Adds nothing
    /// if the usage does not change.
    pub(crate) fn add_usage_change<'a>(
        &self,
        items: &mut Vec<TransactWriteItem>,
        owner: OwnerId,
        change: UsageChange,
        limits: &'a OwnerLimits,
    ) -> Result<UsageUpdate<'a>, RecordsError> {
        let index = items.len();
        if change.0.iter().any(|change| *change != 0) {
            items.push(self.usage_update(owner, change, limits)?);
        }
        Ok(UsageUpdate { change, limits, index })
    }

    fn usage_update(
        &self,
        owner: OwnerId,
        change: UsageChange,
        limits: &OwnerLimits,
    ) -> Result<TransactWriteItem, RecordsError> {
        let changes = COUNTS.iter().zip(change.0).filter(|(_, change)| *change != 0);
        let added: Vec<_> = changes.clone().map(|((_, name, value), _)| format!("{name} {value}")).collect();
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(usage_key(owner)))
            .update_expression(format!("ADD {}", added.join(", ")))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for ((.., value), change) in changes {
            update = update.expression_attribute_values(*value, number(change));
        }
        let mut conditions = Vec::new();
        for (index, most) in change.bounds(limits) {
            let (_, name, value) = COUNTS[index];
            update = update.expression_attribute_values(format!("{value}_most"), number(most));
            // An attribute that is missing counts as 0.
            let missing = if most < 0 { String::new() } else { format!("attribute_not_exists({name}) OR ") };
            conditions.push(format!("({missing}{name} <= {value}_most)"));
        }
        let condition = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        let update = update.set_condition_expression(condition).build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Reads an owner's usage consistently.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn usage(&self, owner: OwnerId) -> Result<Usage, RecordsError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.set_key(Some(usage_key(owner)));
        let found = get.send().await.map_err(unavailable)?;
        Ok(usage_from_item(&found.item.unwrap_or_default()))
    }
}

/// Returns the primary key of an owner's item.
pub(crate) fn usage_key(owner: OwnerId) -> Item {
    primary_key(owner_pk(owner), USAGE_SK)
}

/// Reads the counts as they are stored.
pub(crate) fn counts_from_item(item: &Item) -> UsageCounts {
    let stored = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    UsageCounts(COUNTS.map(|(_, name, _)| stored(name).unwrap_or(0)))
}

/// Reads the item, which does not count previews.
pub(crate) fn usage_from_item(item: &Item) -> Usage {
    Usage {
        stored_bytes: stored_number(item, "stored_bytes"),
        files: stored_number(item, "stored_files"),
        pending_uploads: stored_number(item, "pending_uploads"),
        imports: stored_number(item, "imports"),
        previews: 0,
    }
}

/// Returns a number of the item; 0 if it is missing.
fn stored_number(item: &Item, name: &str) -> u64 {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or(0)
}
