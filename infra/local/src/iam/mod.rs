//! Identity and access management: each function may do what its policy in the template allows, and nothing more.
//!
//! A call becomes one or several [`Request`]s (an action on a resource), as listed in
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/>. A function's [`Statement`]s must allow each of them.
//! The operator may do everything. The permissions that SAM adds to a role by itself (`AWSLambdaBasicExecutionRole` for logs,
//! `AWSLambdaSQSQueueExecutionRole` for a queue's poller, the destination of failed events) are denied here: the local cloud
//! does that work itself, so a function that used them would rely on more than its policy. A function with a `Role` from the
//! template may do what that role allows, on AWS as here.

mod dynamodb;
mod eventbridge;
mod glob;
pub mod proof;
mod recording;
mod s3;
mod shape;
mod sqs;
mod statement;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use dynamodb::requests as dynamodb_requests;
pub(crate) use eventbridge::requests as eventbridge_requests;
pub(crate) use recording::{Called, folder_of};
pub(crate) use s3::{Call as S3Call, missing_object, requests as s3_requests};
pub(crate) use shape::{of_http, of_json};
pub(crate) use sqs::requests as sqs_requests;
pub use statement::Statement;
pub(crate) use statement::policies;

use crate::identity::ROOT;
use recording::Recording;

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// `dynamodb:PutItem`.
    pub action: String,
    /// An ARN, or `*` for an action without a resource.
    pub resource: String,
}

impl Request {
    pub(crate) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into() }
    }
}

/// The error of a call that is not allowed. Its text is the message for the caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "User: {principal} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
     allows the {action} action"
)]
pub struct Denied {
    /// ARN of the caller.
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
}

impl Denied {
    /// Returns the error's body in the JSON protocols. Unlike in other errors, AWS spells `Message` with a capital.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "__type": "com.amazon.coral.service#AccessDeniedException",
            "Message": self.to_string(),
        })
    }
}

/// The permissions of all callers. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    /// By caller; `None` if everything is allowed.
    callers: Option<Arc<BTreeMap<String, Principal>>>,
    recording: Recording,
}

/// A caller and its permissions.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The caller, as in [`crate::identity::Identities::keys`].
    pub caller: String,
    /// The caller's ARN in IAM.
    pub arn: String,
    /// Its permissions.
    pub statements: Vec<Statement>,
}

impl Principal {
    /// Returns whether a statement allows a request.
    fn allows(&self, request: &Request) -> bool {
        self.statements.iter().any(|statement| statement.allows(request))
    }
}

impl Policies {
    /// Allows everything to every caller with a valid signature: for a service that runs without a template.
    #[must_use]
    pub fn open() -> Self {
        Self { callers: None, recording: Recording::default() }
    }

    /// Allows each principal what its statements allow, and other callers nothing.
    #[must_use]
    pub fn of(principals: impl IntoIterator<Item = Principal>) -> Self {
        let by_caller = principals.into_iter().map(|principal| (principal.caller.clone(), principal));
        Self { callers: Some(Arc::new(by_caller.collect())), ..Self::open() }
    }

    /// Records functions' calls in a file of `folder`, each kind of call once.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn recorded_in(self, folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { recording: Recording::in_folder(folder)?, ..self })
    }

    /// Checks that a caller may make all requests of a call.
    ///
    /// # Errors
    /// [`Denied`] with the first request that no statement allows.
    pub(crate) fn authorize(
        &self,
        caller: &str,
        called: &Called<'_>,
        requests: &[Request],
    ) -> Result<(), Denied> {
        let Some(callers) = self.callers.as_ref().filter(|_| caller != ROOT) else {
            return Ok(());
        };
        let principal = callers.get(caller);
        self.recording.note(caller, called, requests);
        for request in requests {
            if !principal.is_some_and(|principal| principal.allows(request)) {
                let denied = Denied {
                    principal: principal.map_or_else(|| caller.to_owned(), |principal| principal.arn.clone()),
                    action: request.action.clone(),
                    resource: request.resource.clone(),
                };
                tracing::warn!(caller, "{denied}");
                return Err(denied);
            }
        }
        Ok(())
    }

    /// Returns whether a caller has a permission that decides which error a service returns. Unlike [`Policies::authorize`], it
    /// does not record a refusal: the caller did not request it.
    pub(crate) fn permits(&self, caller: &str, operation: &str, request: &Request) -> bool {
        let Some(callers) = self.callers.as_ref().filter(|_| caller != ROOT) else {
            return true;
        };
        let permitted = callers.get(caller).is_some_and(|principal| principal.allows(request));
        if permitted {
            let called = Called { service: "s3", operation, shape: &|| serde_json::Value::Null };
            self.recording.note(caller, &called, std::slice::from_ref(request));
        }
        permitted
    }
}
