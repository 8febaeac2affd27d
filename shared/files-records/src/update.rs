use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use files_domain::{Caller, File, Metadata};

use crate::error::corrupt;
use crate::keys::{detail_sk, owner_pk, primary_key};
use crate::packed::packed_attribute;
use crate::transact::{Refused, condition_failed};
use crate::{ClientRecords, Records, RecordsError};

impl ClientRecords {
    /// Replaces `before` by `after`, and the metadata if `metadata` is set, in one transaction that also checks the caller's key.
    /// Returns the file as written.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::Changed`]: the record is no longer `before`; [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn update_file(
        &self,
        caller: &Caller,
        before: &File,
        after: File,
        metadata: Option<&Metadata>,
    ) -> Result<File, RecordsError> {
        let records = self.unchecked();
        let mut items = vec![self.keys().condition_check(caller)?, records.put_instead(before, &after)?];
        items.extend(metadata.map(|metadata| records.set_metadata(before, metadata)).transpose()?);
        match records.transact(items).await {
            Ok(()) => Ok(File { version: before.version + 1, ..after }),
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Conditions(mut reasons)) if condition_failed(&reasons, 0) => {
                Err(self.keys().refusal(caller, reasons.swap_remove(0).item))
            }
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
        }
    }
}

impl Records {
    fn set_metadata(&self, file: &File, metadata: &Metadata) -> Result<TransactWriteItem, RecordsError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), detail_sk(file.id))))
            .update_expression("SET metadata = :metadata")
            .expression_attribute_values(":metadata", packed_attribute(metadata)?)
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
