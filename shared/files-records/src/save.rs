use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use files_domain::{File, Origin, OwnerLimits};

use crate::attribute::number;
use crate::error::corrupt;
use crate::item::file_to_item;
use crate::keys::{detail_sk, owner_pk, primary_key};
use crate::packed::packed_attribute;
use crate::transact::{Refused, condition_failed};
use crate::usage::UsageChange;
use crate::{Records, RecordsError};

/// What the end of an import writes in addition to the file.
#[derive(Clone, Debug, Default)]
pub struct Imported<'a> {
    /// The description by the web page of the file's source; `None` keeps a stored origin.
    pub origin: Option<&'a Origin>,
    /// Limits that growing usage must not exceed.
    pub limits: OwnerLimits,
}

impl Records {
    /// Replaces `before` by `after`, and writes the difference to the owner's usage and the event of the change, if the record is still
    /// `before`.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: the record is no longer `before`. [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn save_file(&self, before: &File, after: &File) -> Result<(), RecordsError> {
        self.save_with(before, after, &Imported::default()).await
    }

    /// Like [`save_file`](Self::save_file), and in the same transaction checks the limits and stores the origin of `with`.
    ///
    /// # Errors
    /// Those of [`save_file`](Self::save_file); [`RecordsError::Limit`].
    pub async fn save_with(
        &self,
        before: &File,
        after: &File,
        with: &Imported<'_>,
    ) -> Result<(), RecordsError> {
        let event = self.ending(before, after).await?;
        let mut items = vec![self.put_instead(before, after)?];
        items.extend(event.as_ref().map(|event| self.put_event(event)).transpose()?);
        items.extend(with.origin.map(|origin| self.set_origin(before, origin)).transpose()?);
        let change = UsageChange::between(Some(before), Some(after));
        let usage = self.add_usage_change(&mut items, before.owner, change, &with.limits)?;
        match self.transact(items).await {
            Ok(()) => {
                self.has_written(event.as_ref());
                Ok(())
            }
            Err(Refused::Conditions(reasons)) if condition_failed(&reasons, 0) => Err(RecordsError::Changed),
            Err(Refused::Conditions(reasons)) => {
                Err(usage.exceeded(&reasons).map_or(RecordsError::Changed, RecordsError::Limit))
            }
            Err(Refused::Error(error)) => Err(error),
        }
    }

    fn set_origin(&self, file: &File, origin: &Origin) -> Result<TransactWriteItem, RecordsError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), detail_sk(file.id))))
            .update_expression("SET origin = :origin")
            .expression_attribute_values(":origin", packed_attribute(origin)?)
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Builds the write of `after`, on the condition that the record is still `before`.
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
