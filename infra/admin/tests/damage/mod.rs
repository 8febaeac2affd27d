//! Damage to tables and bucket, past the adapters.

use std::collections::HashMap;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, DeleteRequest, KeySchemaElement, KeyType, PutRequest,
    ScalarAttributeType, WriteRequest,
};
use files_domain::{
    File, FileId, OwnerId, StreamKind, file_object_key, poster_object_key, stream_object_key,
};
use files_local::identity::ROOT;
use lambda_startup::{Aws, AwsEndpoints};
use test_app::{OWNER, TestApp};

type Item = HashMap<String, AttributeValue>;

/// Maximum number of items of one `BatchWriteItem`.
const BATCH: usize = 25;

/// Clients that may do everything.
pub(crate) struct Damager {
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    table: String,
    bucket: String,
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn key(sk: impl Into<String>) -> Item {
    let pk = format!("owner#{}", OwnerId::named(OWNER));
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

impl Damager {
    pub(crate) fn new(app: &TestApp) -> Self {
        let services = app.services();
        let keys = services.access.identities.keys(ROOT);
        let credentials =
            Credentials::new(keys.access_key_id, keys.secret_access_key, keys.session_token, None, "test");
        let endpoints = AwsEndpoints {
            dynamodb: Some(services.endpoints.dynamodb.clone()),
            s3: Some(services.endpoints.s3.clone()),
            sqs: None,
            lambda: None,
            eventbridge: None,
        };
        let aws = Aws::new(services.access.region.clone(), credentials, endpoints);
        let operator = app.operator();
        Self {
            dynamodb: aws.dynamodb(),
            s3: aws.s3(),
            table: operator.setting("FILES_TABLE").to_owned(),
            bucket: operator.setting("FILES_BUCKET").to_owned(),
        }
    }

    /// Deletes only the record of a file.
    pub(crate) async fn delete_record(&self, file: &File) {
        self.delete_item(&format!("file#{}", file.id)).await;
    }

    /// Deletes an item of [`OWNER`].
    pub(crate) async fn delete_item(&self, sk: &str) {
        let delete = self.dynamodb.delete_item().table_name(&self.table).set_key(Some(key(sk)));
        delete.send().await.expect("a deletion");
    }

    /// Adds to an attribute of [`OWNER`]'s usage.
    pub(crate) async fn add_to_usage(&self, attribute: &str, number: i64) {
        let update = self.dynamodb.update_item().table_name(&self.table).set_key(Some(key("usage")));
        let update =
            update.update_expression("ADD #name :number").expression_attribute_names("#name", attribute);
        let number = AttributeValue::N(number.to_string());
        update.expression_attribute_values(":number", number).send().await.expect("an update");
    }

    /// Stores other bytes as those of a file.
    pub(crate) async fn put_object(&self, file: &File, bytes: &'static [u8]) {
        self.put_key(&file_object_key(file.owner, file.id), bytes).await;
    }

    pub(crate) async fn put_key(&self, key: &str, bytes: &'static [u8]) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).body(bytes.to_vec().into());
        put.send().await.expect("an object");
    }

    /// Stores the temporary object of a stream of a file.
    pub(crate) async fn put_stream(&self, file: &File, kind: StreamKind, bytes: &'static [u8]) {
        self.put_key(&stream_object_key(file.owner, file.id, kind), bytes).await;
    }

    pub(crate) async fn has_stream(&self, file: &File, kind: StreamKind) -> bool {
        self.has_key(&stream_object_key(file.owner, file.id, kind)).await
    }

    pub(crate) async fn has_poster(&self, file: &File) -> bool {
        self.has_key(&poster_object_key(file.owner, file.id)).await
    }

    pub(crate) async fn delete_poster(&self, file: &File) {
        let key = poster_object_key(file.owner, file.id);
        self.s3.delete_object().bucket(&self.bucket).key(key).send().await.expect("a deletion");
    }

    pub(crate) async fn has_key(&self, key: &str) -> bool {
        self.s3.head_object().bucket(&self.bucket).key(key).send().await.is_ok()
    }

    /// Writes the record of a file again under other ids.
    pub(crate) async fn copy_record(&self, file: &File, ids: &[FileId]) {
        let get =
            self.dynamodb.get_item().table_name(&self.table).set_key(Some(key(format!("file#{}", file.id))));
        let item = get.send().await.expect("a read").item.expect("a record");
        let copies = ids.iter().map(|id| {
            let mut copy = item.clone();
            copy.extend(key(format!("file#{id}")));
            put(copy)
        });
        self.write(copies.collect()).await;
    }

    /// Returns all items of the files table.
    pub(crate) async fn snapshot(&self) -> Vec<Item> {
        let scan = self.dynamodb.scan().table_name(&self.table).consistent_read(true);
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.expect("a scan")
    }

    /// Replaces the items of the files table.
    pub(crate) async fn restore(&self, items: Vec<Item>) {
        let delete = |mut item: Item| {
            item.retain(|name, _| name == "pk" || name == "sk");
            let delete = DeleteRequest::builder().set_key(Some(item)).build().expect("a key");
            WriteRequest::builder().delete_request(delete).build()
        };
        self.write(self.snapshot().await.into_iter().map(delete).collect()).await;
        self.write(items.into_iter().map(put).collect()).await;
    }

    /// Creates a table with the files table's items, as point-in-time recovery does. Returns its name.
    pub(crate) async fn recovered(&self) -> String {
        let (name, items) = (format!("{}-restored", self.table), self.snapshot().await);
        let attribute = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().expect("an attribute")
        };
        let element = |name: &str, kind| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
        };
        let create = self.dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let create = create.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
        let create = create.key_schema(element("pk", KeyType::Hash));
        create.key_schema(element("sk", KeyType::Range)).send().await.expect("a table");
        self.write_to(&name, items.into_iter().map(put).collect()).await;
        name
    }

    async fn write(&self, requests: Vec<WriteRequest>) {
        self.write_to(&self.table, requests).await;
    }

    async fn write_to(&self, table: &str, requests: Vec<WriteRequest>) {
        for batch in requests.chunks(BATCH) {
            let write = self.dynamodb.batch_write_item().request_items(table, batch.to_vec());
            let written = write.send().await.expect("a write");
            assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
        }
    }
}

fn put(item: Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
    WriteRequest::builder().put_request(put).build()
}
