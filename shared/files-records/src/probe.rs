use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use files_domain::{FileEvent, FileId, OwnerId, OwnerLimits, ProbeDone, Probed, Status};

use crate::attribute::{number, text, to_attribute};
use crate::error::corrupt;
use crate::item::{FULL_PROBE, FULL_PROBE_IN_OBJECT, full_probe_attribute};
use crate::keys::{detail_sk, file_sk, owner_pk, primary_key, type_partition};
use crate::transact::{Refused, condition_failed};
use crate::usage::UsageChange;
use crate::{Records, RecordsError};

/// Maximum number of attempts while the record changes concurrently.
const MAX_ATTEMPTS: u32 = 8;

/// The result of saving a finished probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedProbe {
    /// The file has just become `success`.
    Saved,
    /// The file was `success` already, and the result of another ffprobe was stored.
    SavedAgain,
    /// The file was terminal already. The bytes of a failed file have to be deleted.
    AlreadyTerminal(Status),
    /// There is no such file. The bytes are orphaned and have to be deleted.
    NoRecord,
}

impl SavedProbe {
    /// Returns the outcome as one word, for log lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "success",
            Self::SavedAgain => "success_again",
            Self::AlreadyTerminal(_) => "already_terminal",
            Self::NoRecord => "no_record",
        }
    }

    /// Returns whether the probed bytes are orphaned.
    #[must_use]
    pub fn leaves_orphan(self) -> bool {
        matches!(self, Self::NoRecord | Self::AlreadyTerminal(Status::Failed))
    }
}

impl Records {
    /// Writes the result of a probe in one transaction. It changes the owner's usage only if the file was a pending upload, or
    /// its size differs from the reserved bytes.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn finish_probe(
        &self,
        owner: OwnerId,
        id: FileId,
        done: &ProbeDone,
    ) -> Result<SavedProbe, RecordsError> {
        // In the usual case, size and state are as expected, and no read is needed.
        let mut items = vec![self.expected_success(owner, id, done)?];
        items.extend(self.save_full(owner, id, done)?);
        if done.ends_upload {
            self.add_usage_change(
                &mut items,
                owner,
                UsageChange::upload_received(),
                &OwnerLimits::default(),
            )?;
        }
        match self.transact(items).await {
            Ok(()) => Ok(SavedProbe::Saved),
            Err(Refused::Conditions(reasons))
                if condition_failed(&reasons, 0) && reasons[0].item.is_none() =>
            {
                Ok(SavedProbe::NoRecord)
            }
            Err(Refused::Conditions(_)) => self.finish_by_reading(owner, id, done).await,
            Err(Refused::Error(error)) => Err(error),
        }
    }
}

impl Records {
    /// Requests another probe of a `success` file. `false`: there is no such file, or it is not `success`.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`]: DynamoDB failed.
    pub async fn request_reprobe(&self, owner: OwnerId, id: FileId) -> Result<bool, RecordsError> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .set_key(Some(primary_key(owner_pk(owner), file_sk(id))))
            .condition_expression("#state = :stored")
            .update_expression("SET probe_again = :yes ADD version :one")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":stored", text("stored"))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":one", number(1));
        match update.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(true),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Err(error) => Err(RecordsError::Unavailable(error.into())),
        }
    }

    /// Builds the update to `success`, on the condition that no other attribute of the file has to change.
    fn expected_success(
        &self,
        owner: OwnerId,
        id: FileId,
        done: &ProbeDone,
    ) -> Result<TransactWriteItem, RecordsError> {
        let expected = if done.ends_upload { "awaiting_upload" } else { "probing" };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), file_sk(id))))
            .condition_expression(
                "#state = :expected AND #size = :size AND attribute_not_exists(expires_at) \
                 AND attribute_not_exists(notify)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#size", "size") // `size` is a function in expressions
            .expression_attribute_values(":expected", text(expected))
            .expression_attribute_values(":size", number(done.object.size))
            .expression_attribute_values(":one", number(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let assignments = Assignments { update, clauses: Vec::new() }.outcome(owner, done)?.object(done)?;
        let update = assignments
            .update
            .update_expression(format!(
                "SET {} REMOVE owner_status, due_at, due_shard, due_tries, lease_until, upload_id ADD version :one",
                assignments.clauses.join(", ")
            ))
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Builds the update that stores ffprobe's complete output in the detail item, if there is one.
    fn save_full(
        &self,
        owner: OwnerId,
        id: FileId,
        done: &ProbeDone,
    ) -> Result<Option<TransactWriteItem>, RecordsError> {
        let Some(full) = &done.full else { return Ok(None) };
        let (name, value) = full_probe_attribute(full);
        let other = if name == FULL_PROBE { FULL_PROBE_IN_OBJECT } else { FULL_PROBE };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), detail_sk(id))))
            .update_expression("SET #full = :full REMOVE #other") // the earlier output may be in the other attribute
            .expression_attribute_names("#full", name)
            .expression_attribute_names("#other", other)
            .expression_attribute_values(":full", value)
            .build()
            .map_err(corrupt)?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    /// Finishes a probe by reading the record.
    async fn finish_by_reading(
        &self,
        owner: OwnerId,
        id: FileId,
        done: &ProbeDone,
    ) -> Result<SavedProbe, RecordsError> {
        for _ in 0..MAX_ATTEMPTS {
            let (before, detail) = match self.get_file(owner, id).await {
                Ok(found) => found,
                Err(RecordsError::NotFound) => return Ok(SavedProbe::NoRecord),
                Err(error) => return Err(error),
            };
            let again = before.status().is_terminal();
            let after = if again { before.clone().reprobed(done) } else { before.clone().probed(done) };
            let Some(after) = after else { return Ok(SavedProbe::AlreadyTerminal(before.status())) };
            let event = after.ending(&before).map(|kind| FileEvent {
                kind,
                at: done.now,
                file: after.clone(),
                webhook: detail.webhook.clone(),
            });
            let mut items = vec![self.put_instead(&before, &after)?];
            items.extend(event.as_ref().map(|event| self.put_event(event)).transpose()?);
            items.extend(self.save_full(owner, id, done)?);
            let change = UsageChange::between(Some(&before), Some(&after));
            self.add_usage_change(&mut items, owner, change, &OwnerLimits::default())?;
            match self.transact(items).await {
                Ok(()) => {
                    self.has_written(event.as_ref());
                    return Ok(if again { SavedProbe::SavedAgain } else { SavedProbe::Saved });
                }
                Err(Refused::Conditions(_)) => {}
                Err(Refused::Error(error)) => return Err(error),
            }
        }
        Err(RecordsError::Busy("the record kept changing".into()))
    }
}

/// An update with the clauses of its `SET`.
struct Assignments {
    update: UpdateBuilder,
    clauses: Vec<&'static str>,
}

impl Assignments {
    /// Adds a clause, whose value has this placeholder.
    fn set(mut self, clause: &'static str, placeholder: &str, value: AttributeValue) -> Self {
        self.clauses.push(clause);
        self.update = self.update.expression_attribute_values(placeholder, value);
        self
    }

    /// Sets the state, the type of media, and the result of the probe.
    fn outcome(self, owner: OwnerId, done: &ProbeDone) -> Result<Self, RecordsError> {
        let media_type = done.media_type();
        let mut to = self
            .set("#state = :stored", ":stored", text("stored"))
            .set("updated_at = :now", ":now", number(done.now.millis()))
            .set("media_type = :media_type", ":media_type", to_attribute(media_type)?)
            .set("owner_type = :owner_type", ":owner_type", text(type_partition(owner, media_type)));
        let error = match &done.probed {
            Probed::Media { summary, partial, .. } => {
                to = to.set("probe = :probe", ":probe", to_attribute(summary)?);
                partial.as_ref()
            }
            Probed::Unreadable(error) => Some(error),
        };
        if let Some(error) = error {
            to = to.set("ffprobe_error = :error", ":error", text(error));
        }
        if done.poster {
            to = to.set("poster = :poster", ":poster", AttributeValue::Bool(true));
        }
        if let Some(by) = &done.by {
            to = to.set("probed_by = :by", ":by", text(by));
        }
        Ok(to)
    }

    /// Sets the checksum and the media type: those detected from the bytes, otherwise those of the record, otherwise those of S3.
    fn object(mut self, done: &ProbeDone) -> Result<Self, RecordsError> {
        if let Some(checksum) = &done.object.checksum {
            let value = to_attribute(checksum)?;
            self = self.set("checksum = if_not_exists(checksum, :checksum)", ":checksum", value);
        }
        Ok(match (&done.content_type, &done.object.content_type) {
            (Some(found), _) => self.set("content_type = :content_type", ":content_type", text(found)),
            (None, Some(of_s3)) => self.set(
                "content_type = if_not_exists(content_type, :content_type)",
                ":content_type",
                text(of_s3),
            ),
            (None, None) => self,
        })
    }
}
