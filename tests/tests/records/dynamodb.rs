//! The records over signed calls to the local cloud's DynamoDB, with the template's tables, and direct access to the tables.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{ApiKey, FileId, KeyHash, Limit, NewKey, OwnerId, Scope, Timestamp};
use files_local::access::Access;
use files_local::account::REGION;
use files_local::calls::Calls;
use files_local::iam::Policies;
use files_local::identity::{Identities, ROOT};
use files_local::template::{self, Surroundings};
use files_records::{ClientRecords, DUE_SHARDS, Keys, Records, RecordsError, ScheduledWork};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::owner::{Owner, key_of};
use crate::samples::at;

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// DynamoDB in a temporary folder. It stops when this value is dropped.
pub(crate) struct DynamoDb {
    keys: Keys,
    records: ClientRecords,
    client: Client,
    table: String,
    keys_table: String,
    server: AbortHandle,
    _folder: TempDir,
}

impl DynamoDb {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = template::load(TEMPLATE, &Surroundings::default()).expect("the template can be read");
        let named = |id: &str| model.tables.iter().find(|table| table.logical_id == id).expect("a table");
        let (table, keys_table) = (named("FilesTable"), named("KeysTable"));
        let database = files_local::dynamodb::DynamoDb::open(&folder.path().join("dynamodb.sqlite"));
        let database = database.expect("a database");
        for table in &model.tables {
            database.ensure_table(table.create.clone(), table.ttl_attribute.as_deref()).expect("a table");
        }

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let access = Access {
            identities: Identities::new([7; 32]),
            calls: Arc::new(Calls::default()),
            policies: Policies::open(),
            region: REGION.to_owned(),
        };
        let client = client(&access, endpoint);
        let server = tokio::spawn(database.serve(listener, access)).abort_handle();
        let keys = || Keys::new(client.clone(), &keys_table.name);
        let records = Records::new(client.clone(), &table.name);
        let keys_of_clients = keys().with_rate_limits(&records);
        let records = ClientRecords::new(records, keys_of_clients);
        Self {
            keys: keys(),
            records,
            client,
            table: table.name.clone(),
            keys_table: keys_table.name.clone(),
            server,
            _folder: folder,
        }
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn client(access: &Access, endpoint: String) -> Client {
    let keys = access.identities.keys(ROOT);
    let config = Config::builder()
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            None,
            None,
            "tests",
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

#[tokio::test]
async fn keys_of_the_files_table_are_copied_once() {
    let cloud = DynamoDb::start().await;
    let new = key_of("press", Scope::ALL.into(), None);
    let mut keys = Vec::new();
    for _ in 0..3 {
        let key = cloud.keys.create(&new, at(0)).await.expect("a key");
        // In the form of version 0.1.
        let pk = AttributeValue::S(format!("key#{}", key.hash()));
        let get = cloud.client.get_item().table_name(&cloud.keys_table).key("pk", pk.clone());
        let mut item = get.send().await.expect("read").item.expect("the key");
        item.insert("sk".to_owned(), AttributeValue::S("key".to_owned()));
        cloud.client.put_item().table_name(&cloud.table).set_item(Some(item)).send().await.expect("put");
        cloud.client.delete_item().table_name(&cloud.keys_table).key("pk", pk).send().await.expect("deleted");
        keys.push(key);
    }
    let owner = Owner { store: &cloud, key: cloud.keys.create(&new, at(0)).await.expect("a key") };
    owner.upload(1, at(0)).await;
    assert_eq!(cloud.keys.copy_from(&cloud.table).await.expect("copied"), 3);
    cloud.revoke(keys[0].hash(), at(1)).await;
    assert_eq!(cloud.keys.copy_from(&cloud.table).await.expect("copied"), 0, "a revoked key stays revoked");
    for (at_index, key) in keys.iter().enumerate() {
        let record = cloud.keys.find(key.hash()).await.expect("read").expect("the key");
        assert_eq!((record.owner, record.revoked_at.is_some()), (key.owner(), at_index == 0));
    }
}

impl DynamoDb {
    pub(crate) fn client(&self) -> &ClientRecords {
        &self.records
    }

    pub(crate) fn records(&self) -> &Records {
        self.records.unchecked()
    }

    pub(crate) async fn new_key(&self, new: &NewKey, now: Timestamp) -> ApiKey {
        self.keys.create(new, now).await.expect("a key")
    }

    pub(crate) async fn revoke(&self, key: KeyHash, now: Timestamp) {
        self.keys.revoke(key, now).await.expect("the key exists");
    }

    /// Reads an item of an owner; an empty one if it does not exist.
    pub(crate) async fn item(&self, owner: OwnerId, sk: &str) -> HashMap<String, AttributeValue> {
        let key = HashMap::from([
            ("pk".to_owned(), AttributeValue::S(format!("owner#{owner}"))),
            ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
        ]);
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        get.send().await.expect("the table can be read").item.unwrap_or_default()
    }

    /// Reads an owner's usage from the table.
    pub(crate) async fn usage_of(&self, owner: OwnerId) -> Usage {
        let item = self.item(owner, "usage").await;
        let number = |name: &str| {
            let text = item.get(name).map(|value| value.as_n().expect("a number"));
            text.map_or(0, |text| text.parse().expect("a whole number"))
        };
        Usage { files: number("stored_files"), bytes: number("stored_bytes"), imports: number("imports") }
    }

    /// Reads the number of pending uploads in an owner's usage.
    pub(crate) async fn pending_uploads_of(&self, owner: OwnerId) -> u64 {
        self.records().usage(owner).await.expect("the usage can be read").pending_uploads
    }

    /// Counts the summaries of an owner's files.
    pub(crate) async fn files_of(&self, owner: OwnerId) -> u64 {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :file)");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(format!("owner#{owner}")));
        let query = query.expression_attribute_values(":file", AttributeValue::S("file#".to_owned()));
        let files = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        u64::try_from(files.expect("the table can be read").len()).expect("a number")
    }

    /// Returns the API keys of another process, with an empty cache.
    pub(crate) fn other_keys(&self) -> Keys {
        Keys::new(self.client.clone(), &self.keys_table).with_rate_limits(self.records())
    }

    /// Sets individual limits of an owner.
    pub(crate) async fn set_limits(&self, owner: OwnerId, limits: &[(Limit, u64)]) {
        let limits = limits.iter().copied().collect();
        self.keys.set_limits(owner, &limits).await.expect("the limits can be set");
    }

    /// Reads the work of an owner that is due at `now` from the index.
    pub(crate) async fn due_of(&self, owner: OwnerId, now: Timestamp) -> BTreeSet<Scheduled> {
        let mut due = BTreeSet::new();
        for shard in 0..DUE_SHARDS {
            let found = self.records().due(shard, now, u32::MAX).await.expect("the index can be read");
            due.extend(found.items.into_iter().filter(|item| item.owner == owner).map(
                |item| match item.what {
                    ScheduledWork::File(id) => Scheduled::File(id),
                    ScheduledWork::Removed(id) => Scheduled::Removed(id),
                    other => panic!("no file of these tests has {other:?}"),
                },
            ));
        }
        due
    }

    /// Reads the unfinished upload of a removed file; `None` if its deletion is complete.
    pub(crate) async fn left_of(&self, owner: OwnerId, id: FileId) -> Option<Option<String>> {
        match self.records().removed_file(owner, id).await {
            Ok(unfinished) => Some(unfinished.upload_id),
            Err(RecordsError::NotFound) => None,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// An owner's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) files: i128,
    /// Reserved bytes.
    pub(crate) bytes: i128,
    /// Imports in flight.
    pub(crate) imports: i128,
}

/// Work with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheduled {
    /// The work of the file's record.
    File(FileId),
    /// The deletion of the bytes of a deleted file.
    Removed(FileId),
}
