use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use files_domain::{Authority, File, FileId, OwnerId, RemoveFile, StoreError, Timestamp};

use crate::Records;
use crate::due::{REMOVED_PREFIX, RemovedItem};
use crate::error::{corrupt, unavailable};
use crate::item::{Item, detail_sk, file_sk, number, owner_pk, primary_key, to_item};
use crate::transact::{Refused, condition_failed};

impl RemoveFile for Records {
    async fn remove_file(
        &self,
        access: Option<&Authority>,
        file: &File,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let pk = owner_pk(file.owner);
        let mut items = vec![
            self.delete_seen(file)?,
            self.delete(primary_key(&pk, detail_sk(file.id)))?,
            self.put_removed(file, now)?,
        ];
        items.extend(self.usage_change(file.owner, Some(file), None)?);
        let key_index = items.len();
        if let Some(access) = access {
            items.push(self.keys()?.condition_check(access)?);
        }
        match (self.transact(items).await, access) {
            (Ok(()), _) => Ok(()),
            (Err(Refused::Error(error)), _) => Err(error),
            (Err(Refused::Conditions(mut reasons)), Some(access))
                if condition_failed(&reasons, key_index) =>
            {
                Err(self.keys()?.refusal(access, reasons.swap_remove(key_index).item))
            }
            (Err(Refused::Conditions(_)), _) => Err(StoreError::Changed),
        }
    }

    async fn forget_removed(&self, owner: OwnerId, id: FileId) -> Result<(), StoreError> {
        let key = primary_key(owner_pk(owner), format!("{REMOVED_PREFIX}{id}"));
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}

impl Records {
    fn delete_seen(&self, file: &File) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), file_sk(file.id))))
            .condition_expression("version = :seen")
            .expression_attribute_values(":seen", number(file.version))
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn delete(&self, key: Item) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key)).build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn put_removed(&self, file: &File, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let item = to_item(RemovedItem::new(file, now))?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
