//! Injected faults of DynamoDB, through the AWS SDK.

mod signed;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Config, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use files_local::clock::Clock;
use files_local::dynamodb::{Access, DynamoDb};
use files_local::faults::{Faults, Rules};
use serde_json::json;
use signed::{REGION, Running, access, calls, credentials, http_client, listener};
use tempfile::TempDir;

const TABLE: &str = "files";

struct Cloud {
    access: Access,
    faults: Faults,
    clock: Clock,
    database: DynamoDb,
    client: Client,
    _running: Running,
    _folder: TempDir,
}

impl Cloud {
    /// Starts DynamoDB with a table, its index `by-b`, and rules for the calls of `get-item`.
    async fn start(rules: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (faults, clock) = (Faults::default(), Clock::default());
        let database = DynamoDb::open(&folder.path().join("dynamodb.sqlite")).expect("opens");
        let database = database.with_clock(clock.clone()).with_faults(faults.clone());
        let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        let table = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [text("p"), text("s"), text("b")],
            "KeySchema": [key("p", "HASH"), key("s", "RANGE")],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-b",
                "KeySchema": [key("b", "HASH"), key("s", "RANGE")],
                "Projection": {"ProjectionType": "ALL"},
            }],
        });
        database.ensure_table(table, Some("ttl")).expect("the table is valid");
        faults.add(Rules::parse(rules.as_bytes()).expect("rules"));
        let (access, (listener, url)) = (access(), listener().await);
        let running = Running(tokio::spawn(database.clone().serve(listener, access.clone())));
        let config = Config::builder()
            .region(Region::new(REGION))
            .endpoint_url(&url)
            .credentials_provider(credentials(&access, "get-item", None))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client());
        let client = Client::from_conf(config.build());
        Self { access, faults, clock, database, client, _running: running, _folder: folder }
    }

    /// Puts an item with the index key `b`. The error is its code, empty without a response.
    async fn put(&self, sort: &str, b: &str) -> Result<(), String> {
        let put = self.client.put_item().table_name(TABLE).set_item(Some(item(sort, b))).send().await;
        put.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
    }

    async fn delete(&self, sort: &str) {
        self.client.delete_item().table_name(TABLE).set_key(Some(key(sort))).send().await.expect("deleted");
    }

    /// Returns sort keys and index keys in the table's order.
    async fn query(&self, consistent: bool) -> Vec<(String, String)> {
        let query = self.client.query().table_name(TABLE).consistent_read(consistent);
        let query = query.key_condition_expression("p = :p").expression_attribute_values(":p", s("p"));
        query.send().await.expect("queried").items().iter().map(shown).collect()
    }

    /// Returns sort keys and index keys of one key of the index.
    async fn index(&self, b: &str) -> Vec<(String, String)> {
        let query = self.client.query().table_name(TABLE).index_name("by-b");
        let query = query.key_condition_expression("b = :b").expression_attribute_values(":b", s(b));
        query.send().await.expect("queried").items().iter().map(shown).collect()
    }
}

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn key(sort: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("p".to_owned(), s("p")), ("s".to_owned(), s(sort))])
}

fn item(sort: &str, b: &str) -> HashMap<String, AttributeValue> {
    let mut item = key(sort);
    item.insert("b".to_owned(), s(b));
    item
}

fn shown(item: &HashMap<String, AttributeValue>) -> (String, String) {
    let text = |name: &str| item[name].as_s().expect("text").clone();
    (text("s"), text("b"))
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(sort, b)| ((*sort).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn a_transaction_conflicts_with_another_one() {
    let rules =
        r#"{"operation": "TransactWriteItems", "nth": 1, "action": {"error": "transaction_conflict"}}"#;
    let cloud = Cloud::start(rules).await;
    let write = |sort: &str| {
        let put = Put::builder().table_name(TABLE).set_item(Some(item(sort, "x"))).build().expect("a put");
        TransactWriteItem::builder().put(put).build()
    };
    let transact = || {
        let transaction = cloud.client.transact_write_items();
        transaction.transact_items(write("1")).transact_items(write("2")).send()
    };
    let error = transact().await.expect_err("refused").into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = error
    else {
        panic!("{error:?}");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["TransactionConflict", "None"]);
    assert!(cancelled.message().expect("a message").contains("[TransactionConflict, None]"));
    assert_eq!(cloud.query(true).await, []);
    transact().await.expect("the second time");
    assert_eq!(calls(&cloud.access, "get-item", "dynamodb", "TransactWriteItems"), 2);
}

#[tokio::test]
async fn a_call_fails_before_or_after_it_is_carried_out() {
    for (action, code, stored) in [
        (r#"{"error": "transaction_conflict"}"#, "TransactionConflictException", false),
        (r#"{"error": "throttling"}"#, "ThrottlingException", false),
        (r#"{"error": "throughput_exceeded"}"#, "ProvisionedThroughputExceededException", false),
        (r#"{"error": "internal"}"#, "InternalServerError", false),
        (r#""cut""#, "", false),
        (r#""lose_response""#, "", true),
    ] {
        let rule = format!(r#"{{"operation": "PutItem", "nth": 1, "action": {action}}}"#);
        let cloud = Cloud::start(&rule).await;
        assert_eq!(cloud.put("1", "x").await, Err(code.to_owned()));
        assert_eq!(cloud.query(true).await.len(), usize::from(stored), "{action}");
        assert_eq!(cloud.put("1", "x").await, Ok(()), "{action}");
    }
}

#[tokio::test]
async fn a_batch_is_read_in_part() {
    let rules = r#"[{"operation": "BatchGetItem", "nth": 1, "action": {"unprocessed_after": 2}},
                    {"operation": "BatchGetItem", "nth": 2, "action": {"unprocessed_after": 0}}]"#;
    let cloud = Cloud::start(rules).await;
    for sort in ["1", "2", "3"] {
        cloud.put(sort, "x").await.expect("put");
    }
    let keys = ["1", "2", "3"].map(key).to_vec();
    let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().expect("keys");
    let mut wanted = HashMap::from([(TABLE.to_owned(), keys)]);
    let mut rounds = Vec::new();
    while !wanted.is_empty() {
        let output =
            cloud.client.batch_get_item().set_request_items(Some(wanted)).send().await.expect("read");
        let read = output.responses().and_then(|tables| tables.get(TABLE)).map_or(0, Vec::len);
        wanted = output.unprocessed_keys.unwrap_or_default();
        let kept = wanted.get(TABLE).and_then(|keys| keys.consistent_read());
        rounds.push((read, wanted.get(TABLE).map_or(0, |keys| keys.keys().len()), kept));
    }
    assert_eq!(rounds, [(2, 1, Some(true)), (0, 1, Some(true)), (1, 0, None)]);
}

#[tokio::test]
async fn stale_reads_see_an_earlier_state() {
    let cloud = Cloud::start("[]").await;
    for sort in ["1", "2", "3"] {
        cloud.put(sort, "old").await.expect("put");
    }
    let rule = r#"{"operation": "Query", "action": {"stale_ms": 60000}}"#;
    cloud.faults.add(Rules::parse(rule.as_bytes()).expect("a rule"));
    cloud.put("2", "new").await.expect("put");
    cloud.delete("3").await;
    cloud.put("4", "new").await.expect("put");

    let (then, now) =
        ([("1", "old"), ("2", "old"), ("3", "old")], [("1", "old"), ("2", "new"), ("4", "new")]);
    assert_eq!(cloud.query(true).await, pairs(&now), "consistent reads are not stale");
    assert_eq!(cloud.query(false).await, pairs(&then));
    assert_eq!((cloud.index("old").await, cloud.index("new").await), (pairs(&then), pairs(&[])));
    cloud.clock.advance(59).expect("advances");
    assert_eq!(cloud.query(false).await, pairs(&then));
    cloud.clock.advance(2).expect("advances");
    assert_eq!(cloud.query(false).await, pairs(&now));
    assert_eq!((cloud.index("old").await, cloud.index("new").await), (pairs(&now[..1]), pairs(&now[1..])));

    cloud.put("5", "new").await.expect("put");
    assert_eq!(cloud.query(false).await, pairs(&now), "later writes are delayed as well");
    cloud.faults.clear();
    assert_eq!(cloud.query(false).await.len(), 4);
}

#[tokio::test]
async fn stale_reads_cover_every_table() {
    let cloud = Cloud::start("[]").await;
    let other = json!({
        "TableName": "other",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
    });
    cloud.database.ensure_table(other, None).expect("the table is valid");
    let put = |p: &str| {
        let item = HashMap::from([("p".to_owned(), s(p))]);
        Put::builder().table_name("other").set_item(Some(item)).build().expect("a put")
    };
    let put = |p: &str| TransactWriteItem::builder().put(put(p)).build();
    let get = async |p: &str| {
        let get = cloud.client.get_item().table_name("other").key("p", s(p)).send().await;
        get.expect("read").item.is_some()
    };
    cloud.client.transact_write_items().transact_items(put("1")).send().await.expect("put");
    let rule = r#"{"operation": "GetItem", "action": {"stale_ms": 60000}}"#;
    cloud.faults.add(Rules::parse(rule.as_bytes()).expect("a rule"));
    let both = Put::builder().table_name(TABLE).set_item(Some(item("1", "x"))).build().expect("a put");
    let both = TransactWriteItem::builder().put(both).build();
    let write = cloud.client.transact_write_items().transact_items(both).transact_items(put("2"));
    write.send().await.expect("put");
    assert_eq!((get("1").await, get("2").await), (true, false));
    let delete = cloud.client.delete_item().table_name("other").key("p", s("1"));
    delete.send().await.expect("deleted");
    assert!(get("1").await);
    cloud.clock.advance(61).expect("advances");
    assert_eq!((get("1").await, get("2").await), (false, true));
}

#[tokio::test]
async fn time_to_live_follows_the_clock() {
    let cloud = Cloud::start("[]").await;
    let now = cloud.clock.now().unix_timestamp();
    for (sort, ttl) in [("1", now + 60), ("2", now + 600)] {
        let ttl = AttributeValue::N(ttl.to_string());
        let put = cloud.client.put_item().table_name(TABLE).set_item(Some(item(sort, "x")));
        put.item("ttl", ttl).send().await.expect("put");
    }
    cloud.put("3", "x").await.expect("put");
    assert_eq!(cloud.database.sweep_ttl().expect("sweeps"), 0);
    cloud.clock.advance(120).expect("advances");
    assert_eq!(cloud.database.sweep_ttl().expect("sweeps"), 1);
    assert_eq!(cloud.query(true).await, pairs(&[("2", "x"), ("3", "x")]));
}
