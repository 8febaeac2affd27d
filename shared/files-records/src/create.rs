use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use files_domain::{
    Authority, CheckKey, CreateFile, Created, Detail, File, FileId, FileRecords, Idempotency, OwnerId,
    StoreError, Timestamp, limits,
};
use serde::{Deserialize, Serialize};

use crate::Records;
use crate::error::corrupt;
use crate::item::{Item, SummaryItem, detail_to_item, from_item, number, owner_pk, primary_key, to_item};
use crate::transact::{Refused, condition_failed};

/// What an idempotency key stands for, until `ttl` (seconds since the epoch).
#[derive(Debug, Serialize, Deserialize)]
struct IdempotencyItem {
    id: FileId,
    request_hash: String,
    ttl: u64,
}

fn request_key(owner: OwnerId, key: &str) -> Item {
    primary_key(owner_pk(owner), format!("idem#{key}"))
}

impl CreateFile for Records {
    async fn create_file(
        &self,
        access: &Authority,
        file: &File,
        detail: &Detail,
        idempotency: Option<&Idempotency>,
    ) -> Result<Created, StoreError> {
        let keys = self.keys()?;
        // Alone at first, unless it is remembered: a bad key must not cost a transaction on the items of the owner it names.
        keys.check_key(access).await?;
        let mut items = vec![keys.condition_check(access)?];
        if let Some(idempotency) = idempotency {
            items.push(self.remember_request(file, idempotency, access.now)?);
        }
        items.push(self.put_new(to_item(SummaryItem::from(file))?)?);
        if let Some(detail) = detail_to_item(file, detail)? {
            items.push(self.put_new(detail)?);
        }
        items.extend(self.usage_change(file.owner, None, Some(file))?);
        match self.transact(items).await {
            Ok(()) => Ok(Created::New),
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Conditions(mut reasons)) if condition_failed(&reasons, 0) => {
                Err(keys.refusal(access, reasons.swap_remove(0).item))
            }
            Err(Refused::Conditions(reasons)) => self.created_before(access, idempotency, &reasons).await,
        }
    }
}

impl Records {
    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn remember_request(
        &self,
        file: &File,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let ttl = now.plus(limits::IDEMPOTENCY_WINDOW).seconds();
        let mut item =
            to_item(IdempotencyItem { id: file.id, request_hash: idempotency.request_hash.clone(), ttl })?;
        item.extend(request_key(file.owner, &idempotency.key));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now") // DynamoDB deletes late, by days
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The file that the same request made before, if that is why nothing was written.
    async fn created_before(
        &self,
        access: &Authority,
        idempotency: Option<&Idempotency>,
        reasons: &[CancellationReason],
    ) -> Result<Created, StoreError> {
        let (Some(idempotency), Some(item)) =
            (idempotency, reasons.get(1).and_then(|reason| reason.item.clone()))
        else {
            return Err(StoreError::Changed);
        };
        let before: IdempotencyItem = from_item(item)?;
        if before.request_hash != idempotency.request_hash {
            return Err(StoreError::IdempotencyConflict);
        }
        match self.get_file(access.owner(), before.id).await {
            Ok((file, detail)) if !file.has_expired(access.now) => Ok(Created::Before(file, detail)),
            // Deleted or expired since: it cannot be given again.
            Ok(_) | Err(StoreError::NotFound) => Err(StoreError::IdempotencyConflict),
            Err(error) => Err(error),
        }
    }
}
