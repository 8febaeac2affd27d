//! What an operator compares with the bucket and corrects, for `files-admin reconcile`. Functions do not use it.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
use files_domain::{File, FileId, OwnerId, OwnerLimits};

use crate::attribute::{Item, text};
use crate::error::{corrupt, unavailable};
use crate::item::{file_from_item, file_to_item};
use crate::keys::{FILE_PREFIX, file_sk, owner_pk, primary_key, removed_sk};
use crate::transact::Refused;
use crate::usage::{UsageChange, UsageCounts, counts_from_item, usage_key};
use crate::{Records, RecordsError};

/// Prefixes of the sort keys of restored items: files, webhook endpoints and upload tokens. Other items are short-lived, or
/// describe work that the service has done since.
const RESTORED: [&str; 5] = ["file#", "detail#", "endpoint#", "endpoints", "token#"];

fn is_restored(item: &Item) -> bool {
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok());
    sk.is_some_and(|sk| RESTORED.iter().any(|start| sk.starts_with(start)))
}

impl Records {
    /// Reads one page of an owner's files in the order of their ids, by one consistent query of at most 1 MB. Returns it and the id
    /// after which the next page begins.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn files_after(
        &self,
        owner: OwnerId,
        after: Option<FileId>,
    ) -> Result<(Vec<File>, Option<FileId>), RecordsError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :owner AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":owner", text(owner_pk(owner)))
            // The first one itself is skipped by the exclusive start key.
            .expression_attribute_values(":first", text(after.map_or(FILE_PREFIX.to_owned(), file_sk)))
            .expression_attribute_values(":last", text(format!("{FILE_PREFIX}g"))) // greater than any hex digit
            .set_exclusive_start_key(after.map(|id| primary_key(owner_pk(owner), file_sk(id))));
        let page = query.send().await.map_err(unavailable)?;
        let files = page.items.unwrap_or_default().into_iter().map(file_from_item);
        let files: Vec<_> = files.collect::<Result<_, _>>()?;
        let next = page.last_evaluated_key.and_then(|_| files.last().map(|file| file.id));
        Ok((files, next))
    }

    /// Reads the counts of an owner's usage item consistently. An item that does not exist counts nothing.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn usage_counts(&self, owner: OwnerId) -> Result<UsageCounts, RecordsError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(usage_key(owner))).send().await.map_err(unavailable)?;
        Ok(counts_from_item(&found.item.unwrap_or_default()))
    }

    /// Adds `difference` to an owner's usage. Changes that functions make at the same time are kept.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn correct_usage(&self, owner: OwnerId, difference: UsageCounts) -> Result<(), RecordsError> {
        let mut items = Vec::new();
        self.add_usage_change(&mut items, owner, UsageChange::from(difference), &OwnerLimits::default())?;
        if items.is_empty() { Ok(()) } else { self.commit(items).await }
    }

    /// Writes the record of a file whose bytes have none, and counts it in the owner's usage.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: there is a record, or the file is being deleted. [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn adopt_file(&self, file: &File) -> Result<(), RecordsError> {
        let mut items = vec![self.put_absent(file)?, self.not_removed(file)?];
        let change = UsageChange::between(None, Some(file));
        self.add_usage_change(&mut items, file.owner, change, &OwnerLimits::default())?;
        self.commit(items).await
    }

    /// Copies the files, webhook endpoints and upload tokens that this table lacks from the table `from`. Returns the number of copied
    /// items. An existing item does not change. Scans `from` completely.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`]: a table cannot be read or written.
    pub async fn copy_missing(&self, from: &str) -> Result<u64, RecordsError> {
        let scan = self.client.scan().table_name(from).consistent_read(true);
        let mut items = scan.into_paginator().items().send();
        let mut copied = 0;
        while let Some(item) = items.next().await {
            let item = item.map_err(unavailable)?;
            if is_restored(&item) && self.put_missing(item).await? {
                copied += 1;
            }
        }
        Ok(copied)
    }

    /// Writes an item unless there is one with its key. Returns whether it was written.
    async fn put_missing(&self, item: Item) -> Result<bool, RecordsError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn commit(&self, items: Vec<TransactWriteItem>) -> Result<(), RecordsError> {
        match self.transact(items).await {
            Ok(()) => Ok(()),
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
            Err(Refused::Error(error)) => Err(error),
        }
    }

    fn put_absent(&self, file: &File) -> Result<TransactWriteItem, RecordsError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(file_to_item(file)?));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn not_removed(&self, file: &File) -> Result<TransactWriteItem, RecordsError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), removed_sk(file.id))))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}
