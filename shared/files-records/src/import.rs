use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use files_domain::{File, FileId, FileState, Import, OwnerId, Source, Status, Timestamp, limits};

use crate::attribute::{Item, number, text, to_attribute};
use crate::error::{corrupt, unavailable};
use crate::item::file_from_item;
use crate::keys::{file_sk, owner_pk, primary_key, status_partition};
use crate::packed::packed_attribute;
use crate::{Records, RecordsError};

/// The result of claiming an import.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportClaim {
    /// This worker has the lease, as of this record.
    Claimed(File<Import>),
    /// This worker has the lease of an import whose parts are all stored: the multipart upload is still to be completed.
    Fetched(File),
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
        match self.import_lease(owner, id, now)?.send().await {
            Ok(response) => {
                let item = response.attributes.ok_or_else(|| corrupt("an update without its item"))?;
                Ok(claimed(file_from_item(item)?))
            }
            Err(error) => match refused(&error) {
                Some(Some(item)) => Ok(unclaimed(&file_from_item(item)?)),
                Some(None) => Ok(ImportClaim::Over),
                None => Err(unavailable(error)),
            },
        }
    }

    /// Builds the update that takes the lease, on the condition that no other worker has it.
    fn import_lease(
        &self,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> Result<UpdateItemFluentBuilder, RecordsError> {
        let lease_until = now.plus(limits::IMPORT_LEASE);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), file_sk(id))))
            .update_expression(
                "SET owner_status = :running, updated_at = :now, lease_until = :lease, due_at = :lease \
                 REMOVE retrying ADD generation :one, version :one",
            )
            .condition_expression(
                "#source = :url AND #state IN (:importing, :probing) \
                 AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .expression_attribute_names("#source", "source")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":url", text(Source::Url.to_string()))
            .expression_attribute_values(":importing", text("importing"))
            .expression_attribute_values(":probing", text("probing"))
            .expression_attribute_values(":running", to_attribute(status_partition(owner, Status::Running))?)
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":lease", number(lease_until.millis()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(update)
    }

    /// Writes the state of the work on an import: progress, upload, resume state, consecutive failures.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: another worker has the lease, or the file is deleted. [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn save_progress(&self, file: &File<Import>, now: Timestamp) -> Result<(), RecordsError> {
        self.save_work(WorkUpdate::new(file, now)?).await
    }

    /// Like [`save_progress`](Self::save_progress), and releases the lease. The next claim resumes the import. Without one, `sweep`
    /// queues the import at `again_at`.
    ///
    /// # Errors
    /// As [`save_progress`](Self::save_progress).
    pub async fn release_import(
        &self,
        file: &File<Import>,
        again_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError> {
        let mut update = WorkUpdate::new(file, now)?;
        update.set("due_at", ":due_at", number(again_at.millis()));
        update.remove.push("lease_until");
        self.save_work(update).await
    }
}

/// The update of an import by its worker, on the condition that the worker still has the lease.
struct WorkUpdate<'a> {
    file: &'a File<Import>,
    set: Vec<String>,
    values: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
}

impl<'a> WorkUpdate<'a> {
    fn new(file: &'a File<Import>, now: Timestamp) -> Result<Self, RecordsError> {
        let mut update = Self { file, set: Vec::new(), values: Vec::new(), remove: Vec::new() };
        let import = &file.state;
        update.set("updated_at", ":now", number(now.millis()));
        let failures = (import.transient_failures > 0).then(|| number(import.transient_failures));
        update.set_or_remove("transient_failures", ":failures", failures);
        let tries = file.deadline.map(|deadline| deadline.tries).filter(|tries| *tries > 0);
        update.set_or_remove("due_tries", ":tries", tries.map(number));
        update.set_or_remove(
            "retrying",
            ":retrying",
            import.retrying.as_ref().map(to_attribute).transpose()?,
        );
        update.set_or_remove("progress", ":progress", import.progress.map(to_attribute).transpose()?);
        update.set_or_remove("upload_id", ":upload", import.upload_id.as_ref().map(text));
        update.set_or_remove("resume", ":resume", import.resume.as_ref().map(to_attribute).transpose()?);
        let announced = import.announced.as_ref().map(to_attribute).transpose()?;
        update.set_or_remove("announced", ":announced", announced);
        update.set_or_remove(
            "streams",
            ":streams",
            import.streams.as_ref().map(packed_attribute).transpose()?,
        );
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
            .condition_expression("#state = :importing AND generation = :mine")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":importing", text("importing"))
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

/// Returns `Some` if the condition failed, with the item that was found.
#[expect(clippy::option_option, reason = "the failure and the found item are independent")]
fn refused<R>(error: &SdkError<UpdateItemError, R>) -> Option<Option<Item>> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed.item().cloned()),
        _ => None,
    }
}

fn claimed(file: File) -> ImportClaim {
    let (file, state) = file.split();
    match state {
        FileState::Importing(import) => ImportClaim::Claimed(file.with_state(import)),
        state => ImportClaim::Fetched(file.with_state(state)),
    }
}

fn unclaimed(file: &File) -> ImportClaim {
    file.state.lease_until().map_or(ImportClaim::Over, ImportClaim::HeldUntil)
}
