use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use files_domain::{DueKind, File, FileId, OwnerId, Status, Timestamp, limits};

use crate::due::due_shard;
use crate::error::{corrupt, unavailable};
use crate::item::{Item, file_from_item, file_sk, number, owner_pk, primary_key, text, to_attribute};
use crate::list::status_partition;
use crate::{Records, RecordsError};

/// Says what came of claiming an import.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "short-lived, never collected")]
pub enum ImportClaim {
    /// This worker has the lease, as of this record.
    Claimed(File),
    /// Another worker has the lease until then.
    HeldUntil(Timestamp),
    /// The import is finished, or its file is deleted.
    Over,
}

impl Records {
    /// Takes the lease of an import for one worker, with a generation that fences every earlier worker.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn claim_import(
        &self,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> Result<ImportClaim, RecordsError> {
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

    /// Writes what `file` says of the work on its import: progress, upload, resume state, failures in a row.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: another worker has the lease, or the file is deleted. [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn save_progress(&self, file: &File, now: Timestamp) -> Result<(), RecordsError> {
        self.save_work(WorkUpdate::new(file, now)?).await
    }

    /// Does what [`save_progress`](Self::save_progress) does, and releases the lease. The next claim resumes the import;
    /// if none comes, `sweep` queues it at `again_at`.
    ///
    /// # Errors
    /// As [`save_progress`](Self::save_progress).
    pub async fn release_import(
        &self,
        file: &File,
        again_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError> {
        let mut update = WorkUpdate::new(file, now)?;
        update.set("due", ":due", to_attribute(DueKind::Import)?);
        update.set("due_at", ":due_at", number(again_at.millis()));
        update.set("due_shard", ":shard", text(due_shard(file.id)));
        update.remove.push("lease_until");
        self.save_work(update).await
    }
}

/// What a worker writes down of its import, if that is still its own.
struct WorkUpdate<'a> {
    file: &'a File,
    set: Vec<String>,
    values: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
}

impl<'a> WorkUpdate<'a> {
    fn new(file: &'a File, now: Timestamp) -> Result<Self, RecordsError> {
        let mut update = Self { file, set: Vec::new(), values: Vec::new(), remove: Vec::new() };
        update.set("updated_at", ":now", number(now.millis()));
        let setbacks = (file.setbacks > 0).then(|| number(file.setbacks));
        update.set_or_remove("setbacks", ":setbacks", setbacks);
        let tries = file.due.map(|due| due.tries).filter(|tries| *tries > 0);
        update.set_or_remove("due_tries", ":tries", tries.map(number));
        update.set_or_remove("progress", ":progress", file.progress.map(to_attribute).transpose()?);
        update.set_or_remove("upload_id", ":upload", file.upload_id.as_ref().map(text));
        update.set_or_remove("resume", ":resume", file.resume.as_ref().map(to_attribute).transpose()?);
        Ok(update)
    }

    fn set(&mut self, name: &str, placeholder: &'static str, value: AttributeValue) {
        self.set.push(format!("{name} = {placeholder}"));
        self.values.push((placeholder, value));
    }

    fn set_or_remove(
        &mut self,
        name: &'static str,
        placeholder: &'static str,
        value: Option<AttributeValue>,
    ) {
        match value {
            Some(value) => self.set(name, placeholder, value),
            None => self.remove.push(name),
        }
    }

    fn expression(&self) -> String {
        let remove = match self.remove.as_slice() {
            [] => String::new(),
            names => format!(" REMOVE {}", names.join(", ")),
        };
        format!("SET {}{remove} ADD version :one", self.set.join(", "))
    }
}

impl Records {
    async fn save_work(&self, work: WorkUpdate<'_>) -> Result<(), RecordsError> {
        let WorkUpdate { file, .. } = work;
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(file.owner), file_sk(file.id))))
            .update_expression(work.expression())
            .condition_expression("#status = :running AND generation = :mine")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", text(Status::Running.to_string()))
            .expression_attribute_values(":mine", number(file.generation))
            .expression_attribute_values(":one", number(1));
        for (placeholder, value) in work.values {
            update = update.expression_attribute_values(placeholder, value);
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if refused(&error).is_some() => Err(RecordsError::Changed),
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

fn unclaimed(file: File) -> Result<ImportClaim, RecordsError> {
    Ok(match file.lease_until {
        Some(until) if !file.status.is_terminal() => ImportClaim::HeldUntil(until),
        _ => ImportClaim::Over,
    })
}
