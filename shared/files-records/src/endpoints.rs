//! Webhook endpoints of owners, with their secrets. DynamoDB encrypts them at rest with the table's key.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use files_domain::{Endpoint, EndpointId, EventKind, OwnerId, Timestamp, WebhookSecret, limits};

use crate::attribute::{Item, from_item, number, text, to_item};
use crate::deliveries::{is_refused_put, is_refused_update};
use crate::error::{corrupt, unavailable};
use crate::keys::{ENDPOINT_PREFIX, endpoint_sk, owner_pk, primary_key};
use crate::transact::{Refused, condition_failed};
use crate::{Records, RecordsError};

/// Sort key of the item that counts an owner's endpoints.
const COUNT_SK: &str = "endpoints";

fn endpoint_key(owner: OwnerId, id: EndpointId) -> Item {
    primary_key(owner_pk(owner), endpoint_sk(id))
}

fn endpoint_to_item(owner: OwnerId, id: EndpointId, endpoint: &Endpoint) -> Result<Item, RecordsError> {
    let mut item = to_item(endpoint)?;
    item.extend(endpoint_key(owner, id));
    Ok(item)
}

impl Records {
    /// Creates an endpoint.
    ///
    /// # Errors
    /// [`RecordsError::TooManyEndpoints`]; [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn create_endpoint(
        &self,
        owner: OwnerId,
        id: EndpointId,
        endpoint: &Endpoint,
    ) -> Result<(), RecordsError> {
        let item = endpoint_to_item(owner, id, endpoint)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(corrupt)?;
        let count = self
            .endpoint_count(owner, 1)
            .condition_expression("attribute_not_exists(#count) OR #count < :most")
            .expression_attribute_values(":most", number(limits::MAX_ENDPOINTS));
        let items = vec![
            TransactWriteItem::builder().update(count.build().map_err(corrupt)?).build(),
            TransactWriteItem::builder().put(put).build(),
        ];
        match self.transact(items).await {
            Ok(()) => Ok(()),
            Err(Refused::Conditions(_)) => Err(RecordsError::TooManyEndpoints),
            Err(Refused::Error(error)) => Err(error),
        }
    }

    /// Deletes an endpoint. Its pending deliveries end at their next attempt.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]; [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn delete_endpoint(&self, owner: OwnerId, id: EndpointId) -> Result<(), RecordsError> {
        if id == EndpointId::Default {
            return self.delete_default_endpoint(owner).await;
        }
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(endpoint_key(owner, id)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(corrupt)?;
        let count = self.endpoint_count(owner, -1).build().map_err(corrupt)?;
        let items = vec![
            TransactWriteItem::builder().delete(delete).build(),
            TransactWriteItem::builder().update(count).build(),
        ];
        match self.transact(items).await {
            Ok(()) => Ok(()),
            Err(Refused::Conditions(reasons)) if condition_failed(&reasons, 0) => Err(RecordsError::NotFound),
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
            Err(Refused::Error(error)) => Err(error),
        }
    }

    async fn delete_default_endpoint(&self, owner: OwnerId) -> Result<(), RecordsError> {
        let key = endpoint_key(owner, EndpointId::Default);
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        match delete.condition_expression("attribute_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Err(RecordsError::NotFound)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    fn endpoint_count(&self, owner: OwnerId, change: i32) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), COUNT_SK)))
            .update_expression("ADD #count :change")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":change", number(change))
    }

    /// Builds the condition of a transaction that an owner has no endpoints.
    pub(crate) fn has_no_endpoint(&self, owner: OwnerId) -> Result<TransactWriteItem, RecordsError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), COUNT_SK)))
            .condition_expression("attribute_not_exists(#count) OR #count = :none")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":none", number(0))
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Reads all endpoints of an owner, consistently, oldest first.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn endpoints(&self, owner: OwnerId) -> Result<Vec<(EndpointId, Endpoint)>, RecordsError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :owner AND begins_with(sk, :endpoint)")
            .expression_attribute_values(":owner", text(owner_pk(owner)))
            .expression_attribute_values(":endpoint", text(ENDPOINT_PREFIX))
            .consistent_read(true);
        let read = |item: Item| {
            let sk = item.get("sk").and_then(|sk| sk.as_s().ok());
            let id = sk.and_then(|sk| sk.strip_prefix(ENDPOINT_PREFIX)?.parse().ok());
            Ok((id.ok_or_else(|| corrupt("not an endpoint"))?, from_item(item)?))
        };
        query.send().await.map_err(unavailable)?.items.unwrap_or_default().into_iter().map(read).collect()
    }

    /// Reads an endpoint, consistently.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn find_endpoint(
        &self,
        owner: OwnerId,
        id: EndpointId,
    ) -> Result<Option<Endpoint>, RecordsError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(endpoint_key(owner, id)));
        get.consistent_read(true).send().await.map_err(unavailable)?.item.map(from_item).transpose()
    }

    /// Creates the owner's default endpoint with this secret. `false`: there is one.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn create_default_endpoint(
        &self,
        owner: OwnerId,
        secret: WebhookSecret,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        let endpoint = Endpoint::new(None, EventKind::FOR_WEBHOOKS.into(), secret, now);
        let item = endpoint_to_item(owner, EndpointId::Default, &endpoint)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused_put(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Replaces an endpoint whose secret was rotated.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: its secret is no longer that of `before`, or it was deleted. [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn rotate_endpoint(
        &self,
        owner: OwnerId,
        id: EndpointId,
        before: &Endpoint,
        after: &Endpoint,
    ) -> Result<(), RecordsError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(endpoint_to_item(owner, id, after)?))
            .condition_expression("secret = :seen")
            .expression_attribute_values(":seen", text(before.secret.reveal()));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_refused_put(&error) => Err(RecordsError::Changed),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Disables an endpoint whose receiver responded 410. Does nothing if the endpoint is deleted.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn disable_endpoint(&self, owner: OwnerId, id: EndpointId) -> Result<(), RecordsError> {
        let off = AttributeValue::Bool(false);
        self.set_of_endpoint(owner, id, "enabled", off).await
    }

    /// Pauses all deliveries to an endpoint. Does nothing if the endpoint is deleted.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn pause_endpoint(
        &self,
        owner: OwnerId,
        id: EndpointId,
        until: Timestamp,
    ) -> Result<(), RecordsError> {
        self.set_of_endpoint(owner, id, "paused_until", number(until.millis())).await
    }

    async fn set_of_endpoint(
        &self,
        owner: OwnerId,
        id: EndpointId,
        name: &str,
        value: AttributeValue,
    ) -> Result<(), RecordsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(endpoint_key(owner, id)))
            .update_expression("SET #name = :value")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value);
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_refused_update(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}
