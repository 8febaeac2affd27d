use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use files_domain::{File, Origin};

use crate::attribute::{number, to_attribute};
use crate::error::corrupt;
use crate::item::file_to_item;
use crate::keys::{detail_sk, owner_pk, primary_key};
use crate::transact::Refused;
use crate::{Records, RecordsError};

impl Records {
    /// Writes `after` in the place of `before`, the difference to the owner's usage, and the event that the change is, if the record
    /// is still `before`.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: it is not. [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn save_file(&self, before: &File, after: &File) -> Result<(), RecordsError> {
        self.save_file_with_origin(before, after, None).await
    }

    /// Does what [`save_file`](Self::save_file) does, and stores `origin` in the same transaction. `None` leaves a stored
    /// origin as it is.
    ///
    /// # Errors
    /// As [`save_file`](Self::save_file).
    pub async fn save_file_with_origin(
        &self,
        before: &File,
        after: &File,
        origin: Option<&Origin>,
    ) -> Result<(), RecordsError> {
        let event = self.ending(before, after).await?;
        let mut items = vec![self.put_instead(before, after)?];
        items.extend(event.as_ref().map(|event| self.put_event(event)).transpose()?);
        items.extend(origin.map(|origin| self.set_origin(before, origin)).transpose()?);
        items.extend(self.usage_change(before.owner, Some(before), Some(after))?);
        match self.transact(items).await {
            Ok(()) => {
                self.has_written(event.as_ref());
                Ok(())
            }
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
            Err(Refused::Error(error)) => Err(error),
        }
    }

    fn set_origin(&self, file: &File, origin: &Origin) -> Result<TransactWriteItem, RecordsError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), detail_sk(file.id))))
            .update_expression("SET origin = :origin")
            .expression_attribute_values(":origin", to_attribute(origin)?)
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Writes `after` if the record is still as it was read.
    pub(crate) fn put_instead(&self, before: &File, after: &File) -> Result<TransactWriteItem, RecordsError> {
        let next = File { version: before.version + 1, ..after.clone() };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(file_to_item(&next)?))
            .condition_expression("version = :seen")
            .expression_attribute_values(":seen", number(before.version))
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
