//! A cloud of two queues, and helpers for the tests.

use std::path::Path;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Config, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use files_local::access::Access;
use files_local::clock::Clock;
use files_local::faults::Faults;
use files_local::sqs::{Depth, QueueDefinition, Redrive, Sqs};

use crate::signed::{REGION, Running, access, credentials, http_client, listener};

pub(crate) const QUEUE: &str = "imports";
pub(crate) const DEAD: &str = "dead-letters";

pub(crate) struct Cloud {
    pub(crate) access: Access,
    pub(crate) url: String,
    pub(crate) sqs: Sqs,
    pub(crate) faults: Faults,
    _running: Running,
}

impl Cloud {
    /// Starts queues with a visibility timeout of 30 s; after two receives a message goes to the dead-letter queue.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, access()).await
    }

    /// Starts the queues for these callers.
    pub(crate) async fn start_with(folder: &Path, access: Access) -> Self {
        let faults = Faults::default();
        let sqs = Sqs::open_with(&folder.join("sqs.sqlite"), Clock::default()).expect("opens");
        let sqs = sqs.with_faults(faults.clone());
        let redrive = Redrive { target: DEAD.to_owned(), max_receive_count: 2 };
        for (name, redrive) in [(QUEUE, Some(redrive)), (DEAD, None)] {
            let (visibility_timeout, retention) = (Duration::from_secs(30), Duration::from_secs(1_209_600));
            let definition =
                QueueDefinition { name: name.to_owned(), visibility_timeout, retention, redrive };
            sqs.ensure_queue(definition).expect("a queue");
        }
        let (listener, url) = listener().await;
        let running = Running(tokio::spawn(sqs.clone().serve(listener, access.clone(), url.clone())));
        Self { access, url, sqs, faults, _running: running }
    }

    pub(crate) fn client(&self, caller: &str, secret: Option<&str>) -> Client {
        let config = Config::builder()
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .credentials_provider(credentials(&self.access, caller, secret))
            .http_client(http_client());
        Client::from_conf(config.build())
    }

    pub(crate) fn queue_url(&self, name: &str) -> String {
        format!("{}/000000000000/{name}", self.url)
    }

    pub(crate) async fn send(&self, body: &str) {
        let send = self.client("create-item", None).send_message().queue_url(self.queue_url(QUEUE));
        send.message_body(body).send().await.expect("send");
    }

    /// Receives one message, waiting up to `wait_seconds`.
    pub(crate) async fn receive(&self, queue: &str, wait_seconds: i32) -> Option<Message> {
        self.receive_for(queue, wait_seconds, None).await
    }

    /// Receives one message with another visibility timeout, in seconds.
    pub(crate) async fn receive_for(
        &self,
        queue: &str,
        wait_seconds: i32,
        visibility: Option<i32>,
    ) -> Option<Message> {
        let receive = self.client("import-item", None).receive_message().queue_url(self.queue_url(queue));
        let receive = receive.wait_time_seconds(wait_seconds).set_visibility_timeout(visibility);
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        let output = receive.message_attribute_names("All").send().await.expect("receive");
        output.messages.unwrap_or_default().pop()
    }

    pub(crate) async fn change_visibility(&self, handle: &str, seconds: i32) -> Result<(), String> {
        let change = self.client("root", None).change_message_visibility().queue_url(self.queue_url(QUEUE));
        let result = change.receipt_handle(handle).visibility_timeout(seconds).send().await;
        result.map(drop).map_err(|error| error.into_service_error().code().unwrap_or_default().to_owned())
    }

    pub(crate) async fn delete(&self, handle: &str) -> Result<(), String> {
        let delete = self.client("root", None).delete_message().queue_url(self.queue_url(QUEUE));
        let result = delete.receipt_handle(handle).send().await;
        result.map(drop).map_err(|error| error.into_service_error().code().unwrap_or_default().to_owned())
    }

    pub(crate) fn depth(&self, queue: &str) -> Depth {
        self.sqs.depth(queue).expect("depth")
    }
}

pub(crate) fn attribute(message: &Message, name: MessageSystemAttributeName) -> &str {
    message.attributes().and_then(|attributes| attributes.get(&name)).map_or("", String::as_str)
}

pub(crate) fn handle(message: &Message) -> &str {
    message.receipt_handle().expect("a handle")
}
