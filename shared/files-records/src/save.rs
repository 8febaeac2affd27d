use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use files_domain::{Detail, File, FileId, FileRecords, Origin, OwnerId, StoreError};

use crate::Records;
use crate::error::corrupt;
use crate::item::{
    SummaryItem, detail_from_item, detail_sk, file_from_item, file_sk, number, owner_pk, primary_key,
    to_attribute, to_item,
};
use crate::transact::Refused;

impl FileRecords for Records {
    async fn get_file(&self, owner: OwnerId, id: FileId) -> Result<(File, Detail), StoreError> {
        let pk = owner_pk(owner);
        let keys = vec![primary_key(&pk, file_sk(id)), primary_key(&pk, detail_sk(id))];
        let mut found = self.read_all(keys).await?;
        let file = found.remove(&file_sk(id)).ok_or(StoreError::NotFound)?;
        Ok((file_from_item(file)?, detail_from_item(found.remove(&detail_sk(id)))?))
    }

    async fn save_file_of_page(
        &self,
        before: &File,
        after: &File,
        origin: Option<&Origin>,
    ) -> Result<(), StoreError> {
        let mut items = vec![self.put_instead(before, after)?];
        items.extend(origin.map(|origin| self.set_origin(before, origin)).transpose()?);
        items.extend(self.usage_change(before.owner, Some(before), Some(after))?);
        match self.transact(items).await {
            Ok(()) => Ok(()),
            Err(Refused::Conditions(_)) => Err(StoreError::Changed),
            Err(Refused::Error(error)) => Err(error),
        }
    }
}

impl Records {
    fn set_origin(&self, file: &File, origin: &Origin) -> Result<TransactWriteItem, StoreError> {
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
    pub(crate) fn put_instead(&self, before: &File, after: &File) -> Result<TransactWriteItem, StoreError> {
        let next = File { version: before.version + 1, ..after.clone() };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(SummaryItem::from(&next))?))
            .condition_expression("version = :seen")
            .expression_attribute_values(":seen", number(before.version))
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
