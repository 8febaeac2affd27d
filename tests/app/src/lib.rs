//! Files in a test's own process: DynamoDB, S3 and SQS of the local cloud as libraries, and the functions' real adapters on top
//! of them. A handler is called as a function, with the event that API Gateway would send. No binary is built or started.
//!
//! ```ignore
//! let app = TestApp::new().await;
//! let key = app.key("owner").await;
//! let file = app.upload("clip.mp4").await;
//!
//! let function = app.function("download-file");
//! let handler = DownloadFile { records: function.client_records(), objects: function.objects() };
//! let request = app.get(&format!("/v1/files/{}/clip.mp4", file.id)).key(&key);
//! assert_eq!(function.send(&handler, request).await.status, 302);
//! ```
//!
//! Each `TestApp` has its own services, data and keys. An adapter signs with its function's keys, so that it has exactly the
//! permissions of the function's policy in `template.yaml`.

mod event;
mod fetch;
mod files;
mod function;

mod message;
mod request;
mod response;

pub use event::{event, json_event};
pub use files::{CONTENT, FileBuilder, video};
pub use function::TestFunction;
pub use http::Method;
pub use message::Message;
pub use request::RequestBuilder;
pub use response::Response;

use std::collections::{BTreeMap, BTreeSet};

use aws_credential_types::Credentials;
use files_domain::{ApiKey, Caller, Limit, NewKey, OwnerId, Scope, Timestamp};
use files_local::gateway::Router;
use files_local::identity::ROOT;
use files_local::services::LocalServices;
use files_records::Keys;
use lambda_startup::{Aws, AwsEndpoints};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The deployed template.
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The host that clients call, as API Gateway would name it.
pub const HOST: &str = "api.example";

/// The owner of the files that [`TestApp::upload`] and similar methods create.
pub const OWNER: &str = "owner";

/// Files without its functions: tables, bucket, queues, keys and routes as `template.yaml` defines them. All data is deleted
/// when the value is dropped.
pub struct TestApp {
    services: LocalServices,
    router: Router,
    /// The first key of each owner.
    keys: Mutex<BTreeMap<String, ApiKey>>,
    _folder: TempDir,
}

impl TestApp {
    /// Starts the services on free ports of 127.0.0.1, with data in a temporary folder.
    ///
    /// # Panics
    /// The template cannot be read, or no port is free.
    pub async fn new() -> Self {
        Self::with_parameters(BTreeMap::new()).await
    }

    /// Starts the services of a deployment with these parameters.
    ///
    /// # Panics
    /// As [`TestApp::new`].
    pub async fn with_parameters(parameters: BTreeMap<String, String>) -> Self {
        let folder =
            tempfile::Builder::new().prefix("files-test-app-").tempdir().expect("a temporary folder");
        let services = LocalServices::start(folder.path(), TEMPLATE, parameters).await;
        let services = services.expect("the template's services");
        let router = Router::new(&services.model.functions, HOST).expect("the template's routes");
        Self { services, router, keys: Mutex::default(), _folder: folder }
    }

    /// Returns the API key of an owner, with all scopes. The first call creates it.
    pub async fn key(&self, owner: &str) -> ApiKey {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.get(owner) {
            return key.clone();
        }
        let key = self.key_with(owner, &Scope::ALL, None).await;
        keys.insert(owner.to_owned(), key.clone());
        key
    }

    /// Creates another API key of an owner.
    pub async fn key_with(&self, owner: &str, scopes: &[Scope], expires_at: Option<Timestamp>) -> ApiKey {
        let new = NewKey {
            owner_name: owner.to_owned(),
            name: "test".to_owned(),
            scopes: scopes.iter().copied().collect::<BTreeSet<_>>(),
            expires_at,
        };
        self.keys().create(&new, lambda_startup::now()).await.expect("a key")
    }

    /// Sets individual limits of an owner. 0 sets no limit.
    pub async fn set_limits(&self, owner: &str, limits: &[(Limit, u64)]) {
        let (owner, limits) = (OwnerId::named(owner), limits.iter().copied().collect());
        self.keys().set_limits(owner, &limits).await.expect("the limits can be set");
    }

    /// Returns a caller whose request requires `scope`.
    pub async fn caller(&self, owner: &str, scope: Scope) -> Caller {
        Caller { principal: self.key(owner).await.into(), scope, now: lambda_startup::now() }
    }

    /// Revokes an API key.
    pub async fn revoke(&self, key: &ApiKey) {
        self.keys().revoke(key.hash(), lambda_startup::now()).await.expect("the key");
    }

    /// Returns the adapters of a function, by the name of its folder, with its keys, policy and environment.
    ///
    /// # Panics
    /// The template has no such function.
    #[must_use]
    pub fn function(&self, name: &str) -> TestFunction<'_> {
        TestFunction::new(self, name)
    }

    /// Returns the adapters of the operator, who may do everything.
    #[must_use]
    pub fn operator(&self) -> TestFunction<'_> {
        TestFunction::operator(self)
    }

    /// Starts a request to a path of the API, with its query.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        RequestBuilder::new(method, path)
    }

    /// Starts a GET request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// Starts a POST request.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// Starts a PATCH request.
    pub fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    /// Starts a DELETE request.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Returns how often `caller` called `operation` of `service` (`dynamodb`, `s3`, `sqs`) so far.
    #[must_use]
    pub fn calls(&self, caller: &str, service: &str, operation: &str) -> u64 {
        self.services.access.calls.to_json()[caller][service][operation].as_u64().unwrap_or(0)
    }

    /// Returns the services, to inspect stored data, inject faults or advance the clock.
    #[must_use]
    pub fn services(&self) -> &LocalServices {
        &self.services
    }

    /// Returns the template's routes.
    fn router(&self) -> &Router {
        &self.router
    }

    /// Returns clients that sign as `caller`.
    fn aws(&self, caller: &str) -> Aws {
        let keys = self.services.access.identities.keys(caller);
        let credentials =
            Credentials::new(keys.access_key_id, keys.secret_access_key, keys.session_token, None, "test");
        let at = &self.services.endpoints;
        let endpoints = AwsEndpoints {
            dynamodb: Some(at.dynamodb.clone()),
            s3: Some(at.s3.clone()),
            sqs: Some(at.sqs.clone()),
            lambda: None,
            eventbridge: Some(at.eventbridge.clone()),
        };
        Aws::new(self.services.access.region.clone(), credentials, endpoints)
    }

    /// Returns the value of `!Ref` for a resource: a name, or a queue's URL.
    fn resource(&self, logical_id: &str) -> String {
        self.services.model.resources.get(logical_id).cloned().expect("a resource of the template")
    }

    fn keys(&self) -> Keys {
        Keys::new(self.aws(ROOT).dynamodb(), self.resource("KeysTable"))
    }
}
