//! One process of each function, and the requests of its clients.

use create_file::CreateFile;
use create_upload_token::CreateUploadToken;
use delete_files::DeleteFiles;
use files_api::Endpoint;
use files_deletion::Deletion;
use files_domain::{ApiKey, Timestamp};
use files_records::WaitSlots;
use get_file::GetFile;
use get_usage::GetUsage;
use list_files::ListFiles;
use safe_fetch::Allowed;
use serde_json::{Value, json};
use test_app::{RequestBuilder, Response, TestApp};
use update_file::UpdateFile;

/// Maximum number of attempts of a request that fails by a fault.
const MAX_ATTEMPTS: u32 = 30;

/// The processes, which remember keys and limits as those of Lambda do.
pub(crate) struct Processes<'a> {
    pub(crate) app: &'a TestApp,
    create: CreateFile,
    update: UpdateFile,
    delete: DeleteFiles,
    get: GetFile,
    list: ListFiles,
    usage: GetUsage,
    token: CreateUploadToken,
}

impl<'a> Processes<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        let function = |name| app.function(name);
        let (create, delete) = (function("create-file"), function("delete-files"));
        let (update, get) = (function("update-file"), function("get-file"));
        Self {
            app,
            create: CreateFile {
                records: create.client_records(),
                objects: create.objects(),
                imports: create.import_queue(),
                allowed: Allowed::parse(""),
                max_file_bytes: 1 << 40,
                public_url: None,
            },
            update: UpdateFile {
                records: update.client_records(),
                objects: update.objects(),
                public_url: None,
            },
            delete: DeleteFiles {
                deletion: Deletion { records: delete.client_records(), objects: delete.objects() },
                deliveries: delete.delivery_queue(),
            },
            get: GetFile {
                records: get.client_records(),
                objects: get.objects(),
                public_url: None,
                slots: WaitSlots { deployment: 2, owner: 1 },
            },
            list: ListFiles { records: function("list-files").client_records(), public_url: None },
            usage: GetUsage { records: function("get-usage").client_records() },
            token: CreateUploadToken {
                records: function("create-upload-token").client_records(),
                allowed: Allowed::parse(""),
            },
        }
    }

    /// Sends a request until it gets a response without an injected fault.
    async fn send(
        &self,
        function: &str,
        endpoint: &impl Endpoint,
        now: Timestamp,
        request: impl Fn() -> RequestBuilder,
    ) -> Response {
        for _ in 0..MAX_ATTEMPTS {
            let response = self.app.function(function).send_at(now, endpoint, request()).await;
            if response.status < 500 {
                return response;
            }
        }
        panic!("{function} is stuck");
    }

    /// Creates a file by an API key or an upload token. The same `once` creates one file.
    pub(crate) async fn create(&self, secret: &str, now: Timestamp, once: &str, body: &Value) -> Response {
        let request = || self.app.post("/v1/files").bearer(secret).header("idempotency-key", once).json(body);
        self.send("create-file", &self.create, now, request).await
    }

    pub(crate) async fn update(&self, key: &ApiKey, now: Timestamp, id: &str, change: &Value) -> Response {
        let request = || self.app.patch(&format!("/v1/files/{id}")).key(key).json(change);
        self.send("update-file", &self.update, now, request).await
    }

    /// Deletes several files. Returns the status of each, without injected faults.
    pub(crate) async fn delete(&self, key: &ApiKey, now: Timestamp, ids: &[&str]) -> Vec<u64> {
        for _ in 0..MAX_ATTEMPTS {
            let request = || self.app.post("/v1/files/delete").key(key).json(&json!({"ids": ids}));
            let body = self.send("delete-files", &self.delete, now, request).await.expect(200).json();
            let results = body["results"].as_array().expect("results").iter();
            let statuses: Vec<_> =
                results.map(|result| result["status"].as_u64().expect("a status")).collect();
            assert_eq!(statuses.len(), ids.len());
            if statuses.iter().all(|status| *status < 500) {
                return statuses;
            }
        }
        panic!("delete-files is stuck");
    }

    pub(crate) async fn try_delete(&self, key: &ApiKey, now: Timestamp, id: &str) -> Response {
        let request = || self.app.post("/v1/files/delete").key(key).json(&json!({"ids": [id]}));
        self.send("delete-files", &self.delete, now, request).await
    }

    pub(crate) async fn get(&self, key: &ApiKey, now: Timestamp, id: &str) -> Response {
        self.send("get-file", &self.get, now, || self.app.get(&format!("/v1/files/{id}")).key(key)).await
    }

    pub(crate) async fn usage(&self, key: &ApiKey, now: Timestamp) -> Response {
        self.send("get-usage", &self.usage, now, || self.app.get("/v1/usage").key(key)).await
    }

    pub(crate) async fn create_token(&self, key: &ApiKey, now: Timestamp) -> Response {
        let request = || self.app.post("/v1/upload-tokens").key(key).json(&json!({"ttl": 86_400}));
        self.send("create-upload-token", &self.token, now, request).await
    }

    /// Returns the ids of all files of an owner, by pages of 7.
    pub(crate) async fn list(&self, key: &ApiKey, now: Timestamp) -> Vec<String> {
        let (mut ids, mut path) = (Vec::new(), "/v1/files?limit=7".to_owned());
        loop {
            let page = self.send("list-files", &self.list, now, || self.app.get(&path).key(key)).await;
            let page = page.expect(200).json();
            let files = page["files"].as_array().expect("files").iter();
            ids.extend(files.map(|file| file["id"].as_str().expect("an id").to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { return ids };
            path = format!("/v1/files?limit=7&cursor={cursor}");
        }
    }
}
