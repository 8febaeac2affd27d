use std::collections::BTreeMap;

use files_local::identity::ROOT;
use files_objects::Objects;
use files_queues::{ImportQueue, ProbeQueue};
use files_records::{Keys, Records};
use lambda_startup::Aws;

use crate::TestApp;

/// What a function has when it has started: its clients, and its environment as the template sets it.
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
        ];
        let environment = resources.map(|(name, resource)| (name.to_owned(), app.resource(resource)));
        Self { app, name: ROOT.to_owned(), aws: app.aws(ROOT), environment: environment.into() }
    }

    /// Returns a variable of its environment.
    ///
    /// # Panics
    /// There is none of this name.
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
    pub fn client_records(&self) -> Records {
        self.records().with_keys(Keys::new(self.aws.dynamodb(), self.setting("FILES_KEYS_TABLE")))
    }

    /// Returns the objects.
    #[must_use]
    pub fn objects(&self) -> Objects {
        Objects::new(self.aws.s3(), self.setting("FILES_BUCKET"))
    }

    /// Returns the queue of imports.
    #[must_use]
    pub fn import_queue(&self) -> ImportQueue {
        ImportQueue::new(self.aws.sqs(), self.setting("FILES_IMPORT_QUEUE_URL"))
    }

    /// Returns the queue of repeated probes.
    #[must_use]
    pub fn probe_queue(&self) -> ProbeQueue {
        let url = self.setting("FILES_PROBE_QUEUE_URL");
        ProbeQueue::new(self.aws.sqs(), url, self.setting("FILES_BUCKET"))
    }
}
