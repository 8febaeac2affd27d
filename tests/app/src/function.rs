use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use files_api::Endpoint;
use files_domain::{OwnerId, OwnerLimits, Timestamp};
use files_local::identity::ROOT;
use files_objects::Objects;
use files_queues::{DeliveryMessage, ImportMessage, Queue, StoredObject};
use files_records::{ClientRecords, Keys, Records};
use lambda_http::request::LambdaRequest;
use lambda_startup::Aws;

use crate::{RequestBuilder, Response, TestApp};

/// The clients and the environment of a function after its start.
pub struct TestFunction<'a> {
    pub(crate) app: &'a TestApp,
    /// The folder of its code, or the operator's name.
    pub(crate) name: String,
    aws: Aws,
    environment: BTreeMap<String, String>,
}

impl<'a> TestFunction<'a> {
    pub(crate) fn new(app: &'a TestApp, name: &str) -> Self {
        let mut functions = app.services().model.functions.iter();
        let function = functions.find(|function| function.binary == name);
        let environment = function.expect("a function of the template").environment.clone();
        Self { app, name: name.to_owned(), aws: app.aws(name), environment }
    }

    pub(crate) fn operator(app: &'a TestApp) -> Self {
        let resources = [
            ("FILES_TABLE", "FilesTable"),
            ("FILES_KEYS_TABLE", "KeysTable"),
            ("FILES_BUCKET", "FilesBucket"),
            ("FILES_IMPORT_QUEUE_URL", "ImportQueue"),
            ("FILES_PROBE_QUEUE_URL", "ProbeQueue"),
            ("FILES_DELIVERY_QUEUE_URL", "DeliveryQueue"),
        ];
        let environment = resources.map(|(name, resource)| (name.to_owned(), app.resource(resource)));
        Self { app, name: ROOT.to_owned(), aws: app.aws(ROOT), environment: environment.into() }
    }

    /// Returns a variable of its environment.
    ///
    /// # Panics
    /// The variable does not exist.
    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        let setting = self.environment.get(name);
        setting.unwrap_or_else(|| panic!("{} has no variable {name}", self.name))
    }

    /// Returns the records.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(self.aws.dynamodb(), self.setting("FILES_TABLE"))
    }

    /// Returns the records for a client's requests, which check its API key.
    #[must_use]
    pub fn client_records(&self) -> ClientRecords {
        let records = ClientRecords::new(self.records(), self.keys());
        if self.event_bus().is_some() { records.with_all_events() } else { records }
    }

    /// Returns the number of an owner's items in the files table whose sort key begins with `prefix`.
    ///
    /// # Panics
    /// The table cannot be read.
    pub async fn count_items(&self, owner: OwnerId, prefix: &str) -> i32 {
        let query = self.aws.dynamodb().query().table_name(self.setting("FILES_TABLE")).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(format!("owner#{owner}")));
        let query = query.expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        query.send().await.expect("the items").count()
    }

    /// Returns the API keys.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let limits = self.environment.get("FILES_OWNER_LIMITS").map(|text| {
            let names = serde_json::from_str(text).expect("limits in JSON");
            OwnerLimits::from_names(names).expect("names of limits")
        });
        Keys::new(self.aws.dynamodb(), self.setting("FILES_KEYS_TABLE"))
            .with_default_limits(limits.unwrap_or_default())
            .with_rate_limits(&self.records())
            .with_key_uses(&self.records())
    }

    /// Returns the objects.
    #[must_use]
    pub fn objects(&self) -> Objects {
        Objects::new(self.aws.s3(), self.setting("FILES_BUCKET"))
    }

    /// Returns the queue of imports.
    #[must_use]
    pub fn import_queue(&self) -> Queue<ImportMessage> {
        Queue::new(self.aws.sqs(), self.setting("FILES_IMPORT_QUEUE_URL"))
    }

    /// Returns the queue of repeated probes.
    #[must_use]
    pub fn probe_queue(&self) -> Queue<StoredObject> {
        Queue::new(self.aws.sqs(), self.setting("FILES_PROBE_QUEUE_URL"))
    }

    /// Returns the event bus, if the deployment has one and the function's environment names it.
    #[must_use]
    pub fn event_bus(&self) -> Option<(aws_sdk_eventbridge::Client, String)> {
        let name = self.environment.get("FILES_EVENT_BUS").filter(|name| !name.is_empty())?;
        Some((self.aws.eventbridge(), name.clone()))
    }

    /// Returns the queue of events and deliveries.
    #[must_use]
    pub fn delivery_queue(&self) -> Queue<DeliveryMessage> {
        Queue::new(self.aws.sqs(), self.setting("FILES_DELIVERY_QUEUE_URL"))
    }

    /// Sends a request to the function's handler as API Gateway and Lambda do. Returns the response as API Gateway passes it on.
    ///
    /// # Panics
    /// The template routes the request to another function, or API Gateway itself responds.
    pub async fn send(&self, endpoint: &impl Endpoint, request: RequestBuilder) -> Response {
        self.send_at(lambda_startup::now(), endpoint, request).await
    }

    /// Sends a request at another time than now.
    ///
    /// # Panics
    /// See [`TestFunction::send`].
    pub async fn send_at(
        &self,
        now: Timestamp,
        endpoint: &impl Endpoint,
        request: RequestBuilder,
    ) -> Response {
        let routed = request.route(self.app.router()).expect("API Gateway routes the request");
        assert_eq!(routed.function, self.name, "the function of the route");
        let event: LambdaRequest = serde_json::from_str(&routed.event).expect("an event of API Gateway");
        Response::read(files_api::handle_event(endpoint, event, now).await).await
    }
}
