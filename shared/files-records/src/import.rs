use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use files_domain::{
    ClaimImport, DueKind, File, FileId, ImportClaim, OwnerId, Progress, Status, StoreError, Timestamp, limits,
};

use crate::Records;
use crate::due::due_shard;
use crate::error::{corrupt, unavailable};
use crate::item::{Item, file_from_item, file_sk, number, owner_pk, primary_key, text, to_attribute};
use crate::list::status_partition;

impl ClaimImport for Records {
    async fn claim_import(
        &self,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> Result<ImportClaim, StoreError> {
        let lease_until = now.plus(limits::IMPORT_LEASE);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), file_sk(id))))
            .update_expression(
                "SET #status = :running, owner_status = :owner_status, updated_at = :now, lease_until = :lease, due = if_not_exists(due, :import), \
                 due_at = :lease, due_shard = :shard ADD generation :one, version :one",
            )
            .condition_expression(
                "#status IN (:pending, :running) AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", text(Status::Pending.to_string()))
            .expression_attribute_values(":running", text(Status::Running.to_string()))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":owner_status", to_attribute(status_partition(owner, Status::Running))?)
            .expression_attribute_values(":lease", number(lease_until.millis()))
            .expression_attribute_values(":import", to_attribute(DueKind::Import)?)
            .expression_attribute_values(":shard", text(due_shard(id)))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| corrupt("an update without its item"))?;
                Ok(ImportClaim::Claimed(file_from_item(item)?))
            }
            Err(error) => match refused(&error) {
                Some(Some(item)) => unclaimed(file_from_item(item)?),
                Some(None) => Ok(ImportClaim::Over),
                None => Err(unavailable(error)),
            },
        }
    }

    async fn save_progress(
        &self,
        file: &File,
        progress: Progress,
        upload_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut set = "SET progress = :progress, updated_at = :now".to_owned();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), file_sk(file.id))))
            .condition_expression("#status = :running AND generation = :mine")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", text(Status::Running.to_string()))
            .expression_attribute_values(":mine", number(file.generation))
            .expression_attribute_values(":progress", to_attribute(progress)?)
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":one", number(1));
        if let Some(upload_id) = upload_id {
            set.push_str(", upload_id = :upload");
            update = update.expression_attribute_values(":upload", text(upload_id));
        }
        match update.update_expression(format!("{set} ADD version :one")).send().await {
            Ok(_) => Ok(()),
            Err(error) if refused(&error).is_some() => Err(StoreError::Changed),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// `Some` when the condition failed, with the item that was found.
#[expect(clippy::option_option, reason = "whether it failed, and what was found, are two questions")]
fn refused<R>(error: &SdkError<UpdateItemError, R>) -> Option<Option<Item>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed.item().cloned()),
        _ => None,
    }
}

fn unclaimed(file: File) -> Result<ImportClaim, StoreError> {
    Ok(match file.lease_until {
        Some(until) if !file.status.is_terminal() => ImportClaim::HeldUntil(until),
        _ => ImportClaim::Over,
    })
}
