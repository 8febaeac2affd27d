use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use files_domain::{Caller, File, FileEvent, FileId, OwnerId, OwnerLimits, Timestamp};

use crate::attribute::{Item, number, to_item};
use crate::due::RemovedItem;
use crate::error::{corrupt, unavailable};
use crate::keys::{detail_sk, file_sk, owner_pk, primary_key, removed_sk};
use crate::transact::{Refused, condition_failed};
use crate::usage::UsageChange;
use crate::{ClientRecords, Records, RecordsError};

impl ClientRecords {
    /// Like [`Records::remove_file`], in a transaction that also checks the caller's key. The removal is an event only with
    /// [all events](Self::with_all_events).
    ///
    /// # Errors
    /// [`RecordsError::Key`], and those of [`Records::remove_file`].
    pub async fn remove_file(&self, caller: &Caller, file: &File) -> Result<(), RecordsError> {
        let records = self.unchecked();
        let event = self.has_all_events().then(|| FileEvent::deleted(file, caller.now));
        let mut items = records.removal(file, caller.now)?;
        let key_index = items.len();
        items.push(self.keys().condition_check(caller)?);
        items.extend(event.as_ref().map(|event| records.put_event(event)).transpose()?);
        match records.transact(items).await {
            Ok(()) => {
                records.has_written(event.as_ref());
                Ok(())
            }
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Conditions(mut reasons)) if condition_failed(&reasons, key_index) => {
                Err(self.keys().refusal(caller, reasons.swap_remove(key_index).item))
            }
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
        }
    }
}

impl Records {
    /// Replaces a file's record by a removal entry. The caller then deletes the bytes, otherwise `sweep` does. The removal of an expired
    /// file is an event.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: the record is no longer `file`. [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn remove_file(&self, file: &File, now: Timestamp) -> Result<(), RecordsError> {
        let event = self.expiry(file, now).await?;
        let mut items = self.removal(file, now)?;
        items.extend(event.as_ref().map(|event| self.put_event(event)).transpose()?);
        match self.transact(items).await {
            Ok(()) => {
                self.has_written(event.as_ref());
                Ok(())
            }
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
        }
    }

    /// Deletes the removal entry of a file whose bytes are deleted.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn delete_removal_entry(&self, owner: OwnerId, id: FileId) -> Result<(), RecordsError> {
        let key = primary_key(owner_pk(owner), removed_sk(id));
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    fn removal(&self, file: &File, now: Timestamp) -> Result<Vec<TransactWriteItem>, RecordsError> {
        let mut items = vec![
            self.delete_seen(file)?,
            self.delete(primary_key(owner_pk(file.owner), detail_sk(file.id)))?,
            self.put_removed(file, now)?,
        ];
        let change = UsageChange::between(Some(file), None);
        self.add_usage_change(&mut items, file.owner, change, &OwnerLimits::default())?;
        Ok(items)
    }

    fn delete_seen(&self, file: &File) -> Result<TransactWriteItem, RecordsError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), file_sk(file.id))))
            .condition_expression("version = :seen")
            .expression_attribute_values(":seen", number(file.version))
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn delete(&self, key: Item) -> Result<TransactWriteItem, RecordsError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key)).build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn put_removed(&self, file: &File, now: Timestamp) -> Result<TransactWriteItem, RecordsError> {
        let item = to_item(RemovedItem::new(file, now))?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
