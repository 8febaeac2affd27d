//! The local DynamoDB, through the AWS SDK for Rust.

mod facts;
mod removal;
#[path = "../signed/mod.rs"]
mod signed;

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, KeysAndAttributes, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use files_local::dynamodb::{Access, DynamoDb};
use serde_json::{Value, json};
use signed::{REGION, Running, access, calls, credentials, http_client, listener, restricted};

const TABLE: &str = "files";

fn table(with_index: bool) -> Value {
    let definition = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let mut definitions = vec![definition("pk", "S"), definition("sk", "S")];
    let mut table = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    });
    if with_index {
        definitions.extend([definition("due_shard", "S"), definition("due_at", "N")]);
        table["GlobalSecondaryIndexes"] = json!([{
            "IndexName": "due",
            "KeySchema": [
                {"AttributeName": "due_shard", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }]);
    }
    table["AttributeDefinitions"] = Value::from(definitions);
    table
}

struct Cloud {
    access: Access,
    url: String,
    database: DynamoDb,
    _running: Running,
}

impl Cloud {
    async fn start(folder: &Path, with_index: bool) -> Self {
        Self::start_with(folder, with_index, access()).await
    }

    async fn start_with(folder: &Path, with_index: bool, access: Access) -> Self {
        let database = DynamoDb::open(&folder.join("dynamodb.sqlite")).expect("opens");
        database.ensure_table(table(with_index), Some("ttl")).expect("the table is valid");
        let (listener, url) = listener().await;
        let running = Running(tokio::spawn(database.clone().serve(listener, access.clone())));
        Self { access, url, database, _running: running }
    }

    fn client(&self, caller: &str, secret: Option<&str>, region: &'static str) -> Client {
        let config = Config::builder()
            .region(Region::new(region))
            .endpoint_url(&self.url)
            .credentials_provider(credentials(&self.access, caller, secret))
            .http_client(http_client());
        Client::from_conf(config.build())
    }

    fn root(&self) -> Client {
        self.client("root", None, REGION)
    }
}

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn n(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

async fn put(client: &Client, pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) {
    let mut item = key(pk, sk);
    item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    client.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("put");
}

async fn exists(client: &Client, pk: &str, sk: &str) -> bool {
    let get = client.get_item().table_name(TABLE).set_key(Some(key(pk, sk))).consistent_read(true);
    get.send().await.expect("get").item.is_some()
}

#[tokio::test]
async fn a_cancelled_transaction_has_its_reasons_and_the_item() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    let client = cloud.root();
    put(&client, "owner#a", "usage", &[("bytes", n(90))]).await;

    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .set_key(Some(key("owner#a", "usage")))
        .condition_expression("bytes < :limit")
        .expression_attribute_values(":limit", n(50))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .expect("complete");
    let write =
        Put::builder().table_name(TABLE).set_item(Some(key("owner#a", "file#1"))).build().expect("complete");
    let error = client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().condition_check(check).build())
        .transact_items(TransactWriteItem::builder().put(write).build())
        .send()
        .await
        .expect_err("the condition does not hold")
        .into_service_error();

    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = error
    else {
        panic!("not a cancellation: {error:?}")
    };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(
        reasons.iter().map(|reason| reason.code().unwrap_or_default()).collect::<Vec<_>>(),
        ["ConditionalCheckFailed", "None"]
    );
    assert_eq!(reasons[0].item().and_then(|item| item.get("bytes")), Some(&n(90)));
    assert!(!exists(&client, "owner#a", "file#1").await, "all or nothing");
    assert_eq!(calls(&cloud.access, "root", "dynamodb", "TransactWriteItems"), 1);
}

#[tokio::test]
async fn a_batch_reads_consistently_what_was_just_written() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    let client = cloud.client("get-item", None, REGION);
    put(&client, "owner#b", "key", &[]).await;
    put(&client, "owner#a", "file#1", &[("name", s("a b.mp4"))]).await;

    let keys = KeysAndAttributes::builder()
        .keys(key("owner#b", "key"))
        .keys(key("owner#a", "file#1"))
        .keys(key("owner#a", "file#2"))
        .consistent_read(true)
        .build()
        .expect("complete");
    let output = client.batch_get_item().request_items(TABLE, keys).send().await.expect("batch");

    let mut found: Vec<_> =
        output.responses.expect("a table")[TABLE].iter().map(|item| item["sk"].clone()).collect();
    found.sort_by_key(|value| value.as_s().cloned().unwrap_or_default());
    assert_eq!(found, [s("file#1"), s("key")]);
    assert!(output.unprocessed_keys.unwrap_or_default().is_empty());
    assert_eq!(calls(&cloud.access, "get-item", "dynamodb", "BatchGetItem"), 1);
    assert_eq!(calls(&cloud.access, "root", "dynamodb", "BatchGetItem"), 0);
}

#[tokio::test]
async fn an_index_sorts_numbers_and_a_query_returns_its_capacity() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    let client = cloud.root();
    for due in [1000, 9, 200, -5] {
        put(&client, "owner#a", &format!("file#{due}"), &[("due_shard", s("0")), ("due_at", n(due))]).await;
    }
    put(&client, "owner#a", "file#never", &[]).await;

    let output = client
        .query()
        .table_name(TABLE)
        .index_name("due")
        .key_condition_expression("due_shard = :shard AND due_at <= :now")
        .expression_attribute_values(":shard", s("0"))
        .expression_attribute_values(":now", n(999))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("query");

    let due: Vec<_> = output.items().iter().map(|item| item["due_at"].clone()).collect();
    assert_eq!(due, [n(-5), n(9), n(200)]);
    let capacity = output.consumed_capacity().and_then(|capacity| capacity.capacity_units());
    assert_eq!(capacity, Some(0.5), "three small items, read eventually");
}

#[tokio::test]
async fn items_survive_and_a_new_index_has_the_existing_items() {
    let folder = tempfile::tempdir().expect("tempdir");
    {
        let cloud = Cloud::start(folder.path(), false).await;
        put(&cloud.root(), "owner#a", "file#1", &[("due_shard", s("0")), ("due_at", n(1))]).await;
    }
    for _ in 0..2 {
        let cloud = Cloud::start(folder.path(), true).await;
        let client = cloud.root();
        assert!(exists(&client, "owner#a", "file#1").await);
        let query =
            client.query().table_name(TABLE).index_name("due").key_condition_expression("due_shard = :shard");
        let output = query.expression_attribute_values(":shard", s("0")).send().await.expect("query");
        assert_eq!(output.count(), 1);
        let description = client.describe_table().table_name(TABLE).send().await.expect("describe");
        assert_eq!(description.table.expect("a table").global_secondary_indexes().len(), 1);
    }
}

#[tokio::test]
async fn a_removed_index_is_dropped_and_a_changed_key_is_refused() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    cloud.database.ensure_table(table(false), None).expect("drops the index");
    let description = cloud.root().describe_table().table_name(TABLE).send().await.expect("describe");
    assert!(description.table.expect("a table").global_secondary_indexes().is_empty());

    let mut other = table(false);
    other["KeySchema"] = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    other["AttributeDefinitions"] = json!([{"AttributeName": "pk", "AttributeType": "S"}]);
    let error = cloud.database.ensure_table(other, None).expect_err("another key");
    assert!(format!("{error:#}").contains("primary key cannot change"), "{error:#}");
}

#[tokio::test]
async fn a_sweep_deletes_only_expired_items() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    let client = cloud.root();
    put(&client, "owner#a", "old", &[("ttl", n(1))]).await;
    put(&client, "owner#a", "new", &[("ttl", n(4_000_000_000))]).await;
    put(&client, "owner#a", "kept", &[]).await;

    assert_eq!(cloud.database.sweep_ttl().expect("sweep"), 1);
    assert!(!exists(&client, "owner#a", "old").await);
    assert!(exists(&client, "owner#a", "new").await);
    assert!(exists(&client, "owner#a", "kept").await);

    cloud.database.ensure_table(table(true), None).expect("turns it off");
    put(&client, "owner#a", "old", &[("ttl", n(1))]).await;
    assert_eq!(cloud.database.sweep_ttl().expect("sweep"), 0);
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    let refused = |client: Client| async move {
        let error = client.list_tables().send().await.expect_err("refused");
        error.into_service_error().code().unwrap_or_default().to_owned()
    };

    assert_eq!(refused(cloud.client("root", Some("wrong"), REGION)).await, "InvalidSignatureException");
    assert_eq!(refused(cloud.client("root", None, "eu-west-1")).await, "InvalidSignatureException");
    let config = cloud.root().config().to_builder();
    let unknown = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "wrong", None, None, "test");
    let unknown = Client::from_conf(config.credentials_provider(unknown).build());
    assert_eq!(refused(unknown).await, "UnrecognizedClientException");

    assert_eq!(calls(&cloud.access, "root", "dynamodb", "ListTables"), 0);
    assert_eq!(calls(&cloud.access, "anonymous", "dynamodb", "ListTables"), 3);
    assert_eq!(cloud.root().list_tables().send().await.expect("signed").table_names(), [TABLE]);
}

/// The name of a table with a partition key only.
const KEYS: &str = "keys";

fn keys_table() -> Value {
    json!({
        "TableName": KEYS,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    })
}

fn api_key(hash: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), s(hash))])
}

async fn put_key(client: &Client, hash: &str) {
    let item = api_key(hash).into_iter().chain([("scope".to_owned(), s("read"))]).collect();
    client.put_item().table_name(KEYS).set_item(Some(item)).send().await.expect("put");
}

/// Returns a transaction that puts an item into one table if the other table has the key.
fn put_if_key(hash: &str, sk: &str) -> [TransactWriteItem; 2] {
    let check = ConditionCheck::builder().table_name(KEYS).set_key(Some(api_key(hash)));
    let check = check.condition_expression("attribute_exists(pk)").build().expect("a check");
    let put = Put::builder().table_name(TABLE).set_item(Some(key("owner#a", sk))).build().expect("a put");
    [
        TransactWriteItem::builder().condition_check(check).build(),
        TransactWriteItem::builder().put(put).build(),
    ]
}

#[tokio::test]
async fn batches_and_transactions_span_tables() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path(), true).await;
    cloud.database.ensure_table(keys_table(), None).expect("the table is valid");
    let client = cloud.root();
    put_key(&client, "key#1").await;
    let transact = |hash: &str, sk: &str| {
        client.transact_write_items().set_transact_items(Some(put_if_key(hash, sk).to_vec())).send()
    };
    transact("key#1", "file#1").await.expect("the key is there");
    let error = transact("key#2", "file#2").await.expect_err("no such key").into_service_error();
    assert!(error.is_transaction_canceled_exception(), "{error:?}");
    assert!(!exists(&client, "owner#a", "file#2").await, "all or nothing");

    let wanted = |keys: Vec<_>| {
        KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().expect("complete")
    };
    let batch = client
        .batch_get_item()
        .request_items(TABLE, wanted(vec![key("owner#a", "file#1"), key("owner#a", "file#2")]))
        .request_items(KEYS, wanted(vec![api_key("key#1"), api_key("key#2")]));
    let found = batch.send().await.expect("batch").responses.expect("tables");
    assert_eq!(found[TABLE], [key("owner#a", "file#1")]);
    assert_eq!(found[KEYS].iter().map(|item| &item["pk"]).collect::<Vec<_>>(), [&s("key#1")]);
    assert_eq!(calls(&cloud.access, "root", "dynamodb", "BatchGetItem"), 1);
}

#[tokio::test]
async fn calls_need_the_policys_permission() {
    let folder = tempfile::tempdir().expect("tempdir");
    let arn = |table: &str| format!("'arn:aws:dynamodb:us-east-1:000000000000:table/{table}'");
    let worker = format!(
        "{{Effect: Allow, Action: [dynamodb:BatchGetItem, dynamodb:ConditionCheckItem], Resource: {}}}, \
         {{Effect: Allow, Action: dynamodb:PutItem, Resource: {}}}",
        arn(KEYS),
        arn(TABLE)
    );
    let access = restricted(&[("worker", &worker)]);
    let cloud = Cloud::start_with(folder.path(), true, access).await;
    cloud.database.ensure_table(keys_table(), None).expect("the table is valid");
    let worker = cloud.client("worker", None, REGION);
    put(&worker, "owner#a", "s", &[]).await;
    put_key(&cloud.root(), "key#1").await;

    let key_item = worker.put_item().table_name(KEYS).set_item(Some(api_key("key#2"))).send().await;
    let error = key_item.expect_err("another table");
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert_eq!(error.raw_response().expect("a response").status().as_u16(), 400);
    let message = error.message().expect("a message");
    let expected = "is not authorized to perform: dynamodb:PutItem on resource: \
                    arn:aws:dynamodb:us-east-1:000000000000:table/keys because no identity-based policy allows";
    assert!(message.contains(expected), "{message}");

    let transact = |items| worker.transact_write_items().set_transact_items(Some(items)).send();
    transact(put_if_key("key#1", "t").to_vec()).await.expect("each of its items is allowed");
    let forged = Put::builder().table_name(KEYS).set_item(Some(api_key("key#2"))).build().expect("a put");
    let mut items = put_if_key("key#1", "u").to_vec();
    items.push(TransactWriteItem::builder().put(forged).build());
    let refused = transact(items).await.expect_err("one of its items is not allowed");
    assert_eq!(refused.code(), Some("AccessDeniedException"));

    let keys = KeysAndAttributes::builder().keys(api_key("key#1")).build().expect("complete");
    let allowed = worker.batch_get_item().request_items(KEYS, keys.clone()).send().await;
    assert_eq!(allowed.expect("its table").responses.expect("a table")[KEYS].len(), 1);
    let files = KeysAndAttributes::builder().keys(key("owner#a", "s")).build().expect("complete");
    let both = worker.batch_get_item().request_items(KEYS, keys).request_items(TABLE, files).send().await;
    assert_eq!(both.expect_err("one of its tables is not allowed").code(), Some("AccessDeniedException"));

    let delete = worker.delete_item().table_name(TABLE).set_key(Some(key("owner#a", "s"))).send().await;
    assert_eq!(delete.expect_err("another action").code(), Some("AccessDeniedException"));
    let query = worker.query().table_name(TABLE).index_name("due").key_condition_expression("due_shard = :s");
    let query = query.expression_attribute_values(":s", s("due#1")).send().await;
    assert_eq!(query.expect_err("another resource").code(), Some("AccessDeniedException"));
    assert!(exists(&cloud.root(), "owner#a", "s").await && exists(&cloud.root(), "owner#a", "t").await);
    assert!(!exists(&cloud.root(), "owner#a", "u").await);
}
