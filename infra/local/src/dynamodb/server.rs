//! Handles DynamoDB's calls: authenticates, authorizes and counts each call, injects faults, makes the checks that the engine
//! lacks, and forwards the call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::engine::Engine;
use super::removal::{Attempt, Removals, Verdict};
use super::replica::{Replica, is_consistent, writes};
use super::{Access, DynamoDb, INTERNAL, MAX_BODY_BYTES, TOO_LARGE, json, refuse};
use super::{amend, capacity, checks, index_keys, refusal, unprocessed};
use crate::access::{Call, Refusal};
use crate::connection::{Connection, ServiceResult, boxed};
use crate::faults::{Action, Service};
use crate::iam::{self, Called};

pub(super) struct Server {
    access: Access,
    engine: Engine,
    dynamodb: DynamoDb,
    replica: OnceCell<Arc<Replica>>,
    /// By their tokens, the assumptions of transactions with removals; the newest last.
    tokens: Mutex<VecDeque<(String, Vec<bool>)>>,
}

/// Maximum of remembered tokens.
const MAX_TOKENS: usize = 1000;

/// Builds the error of a request that DynamoDB refuses as invalid and the engine does not.
fn invalid(operation: &str, request: &Value, tables: &[Value]) -> Option<Response> {
    if let Err(message) = checks::check(request) {
        return Some(amend::invalid(&message));
    }
    let (action, message) = index_keys::check(operation, request, tables).err()?;
    Some(match operation {
        "TransactWriteItems" => amend::invalid_action(request, action, &message),
        _ => amend::invalid(&message),
    })
}

impl Server {
    pub(super) fn new(dynamodb: &DynamoDb, access: Access) -> Self {
        let engine = Engine::new(dynamodb.database.clone());
        Self {
            access,
            engine,
            dynamodb: dynamodb.clone(),
            replica: OnceCell::new(),
            tokens: Mutex::default(),
        }
    }

    /// Handles one request.
    pub(super) async fn handle(
        self: &Arc<Self>,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> ServiceResult {
        let call = match self.access.admit("dynamodb", request.map(Body::new), MAX_BODY_BYTES).await {
            Ok(call) => call,
            Err(Refusal::Signature(error)) => {
                return Ok(boxed(json(StatusCode::BAD_REQUEST, &error.to_json())));
            }
            Err(Refusal::Body) => return Ok(boxed(refuse(StatusCode::PAYLOAD_TOO_LARGE, &TOO_LARGE))),
        };
        let requests = iam::dynamodb_requests(&call.operation, &call.body);
        let shape = || iam::of_json(&call.body);
        let called = Called { service: "dynamodb", operation: &call.operation, shape: &shape };
        if let Err(denied) = self.access.policies.authorize(&call.caller, &called, &requests) {
            return Ok(boxed(json(StatusCode::BAD_REQUEST, &denied.to_json())));
        }
        let faults = &self.dynamodb.faults;
        let action = faults.decide(&call.caller, Service::DynamoDb, &call.operation);
        let response = match faults.before(action, connection).await? {
            Some(kind) => refusal::refusal(kind, &call.body),
            None => {
                // Runs to its end even if the client disconnects: the replica must learn what is written.
                let server = Arc::clone(self);
                let done = tokio::spawn(async move { server.carry_out(call, action).await }).await;
                done.map_err(Into::into).flatten().unwrap_or_else(|error: anyhow::Error| {
                    tracing::error!(%error, "the DynamoDB engine does not respond");
                    refuse(StatusCode::INTERNAL_SERVER_ERROR, &INTERNAL)
                })
            }
        };
        faults.after(action, connection, boxed(response)).await
    }

    async fn carry_out(&self, call: Call, action: Option<Action>) -> anyhow::Result<Response> {
        // The engine refuses invalid JSON, and JSON that nests too deep to be read.
        let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let tables = self.dynamodb.definitions();
        if let Some(refused) = invalid(&call.operation, &request, &tables) {
            return Ok(refused);
        }
        let operation = call.operation.clone();
        let response = self.carry_out_checked(call, &request, action).await?;
        Ok(amend::amend(&operation, &request, &tables, response).await)
    }

    async fn carry_out_checked(
        &self,
        call: Call,
        request: &Value,
        action: Option<Action>,
    ) -> anyhow::Result<Response> {
        let Call { caller, operation, parts, body } = call;
        if let Some(Action::UnprocessedAfter(count)) = action {
            let (body, rest) = unprocessed::split(&body, count);
            // The engine refuses a request without keys.
            if count == 0 {
                let unread = serde_json::json!({"Responses": {}, "UnprocessedKeys": rest});
                return Ok(json(StatusCode::OK, &unread));
            }
            return Ok(unprocessed::add(self.engine.forward(parts, body).await?, rest).await);
        }
        if let Some(Action::StaleMs(lag)) = action
            && !is_consistent(&body)
        {
            let replica = self.replica().await?;
            let (behind, now) = (Arc::clone(&replica), self.dynamodb.clock.now());
            tokio::task::spawn_blocking(move || behind.catch_up(now, Duration::from_millis(lag))).await??;
            return replica.read(parts, body).await;
        }
        let sent = writes(&operation).then(|| body.clone());
        if sent.is_some() && self.notes_writes() {
            // Created before the table changes, so that this change is late as well.
            self.replica().await?;
        }
        let response = match Removals::of(&operation, request) {
            Some(removals) => self.remove(&caller, parts, removals).await?,
            None => self.forward(&caller, &operation, parts, body).await?,
        };
        // Checked again: a rule may have been added meanwhile, and then the copy may lack this change.
        if let Some(sent) = sent.filter(|_| response.status().is_success() && self.notes_writes()) {
            let (replica, now) = (self.replica().await?, self.dynamodb.clock.now());
            tokio::task::spawn_blocking(move || replica.note(&operation, &sent, now)).await??;
        }
        Ok(response)
    }

    /// Forwards updates that only remove, until the assumptions about their items are right.
    async fn remove(
        &self,
        caller: &str,
        mut parts: Parts,
        mut removals: Removals,
    ) -> anyhow::Result<Response> {
        let remembered = |all: &VecDeque<(String, Vec<bool>)>, token: &str| {
            all.iter().find(|(known, _)| known == token).map(|(_, missing)| missing.clone())
        };
        if let Some(missing) = removals.token().and_then(|token| remembered(&self.tokens(), token)) {
            removals.assume(&missing);
        }
        loop {
            let Attempt { operation, request } = removals.attempt();
            let target = HeaderValue::try_from(format!("DynamoDB_20120810.{operation}"))?;
            parts.headers.insert("x-amz-target", target);
            let body = Bytes::from(request.to_string());
            let response = self.forward(caller, operation, parts.clone(), body).await?;
            let (mut head, body) = amend::read(response).await;
            let verdict = removals.judge(head.status, serde_json::from_slice(&body).unwrap_or_default());
            if let Verdict::Done(status, body) = verdict {
                if let Some(token) = removals.token().filter(|_| status.is_success()) {
                    self.remember(token, removals.assumptions());
                }
                head.status = status;
                return Ok(amend::rebuild(head, &body));
            }
        }
    }

    /// Remembers which items a transaction assumed to be missing.
    fn remember(&self, token: &str, missing: Vec<bool>) {
        let mut tokens = self.tokens();
        tokens.retain(|(known, _)| known != token);
        tokens.push_back((token.to_owned(), missing));
        if tokens.len() > MAX_TOKENS {
            tokens.pop_front();
        }
    }

    fn tokens(&self) -> MutexGuard<'_, VecDeque<(String, Vec<bool>)>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forwards a request to the engine, and adds up its consumption if metering is on.
    async fn forward(
        &self,
        caller: &str,
        operation: &str,
        parts: Parts,
        body: Bytes,
    ) -> anyhow::Result<Response> {
        if !self.access.calls.is_metered() {
            return self.engine.forward(parts, body).await;
        }
        let sent = body.len();
        let (body, is_ours) = capacity::enable(body);
        let response = self.engine.forward(parts, body).await?;
        let (response, mut consumption) = capacity::extract(response, writes(operation), is_ours).await;
        consumption.bytes += sent;
        self.access.calls.consume(caller, consumption);
        Ok(response)
    }

    /// Returns whether stale reads are possible, so that writes must be noted.
    fn notes_writes(&self) -> bool {
        self.replica.initialized() || self.dynamodb.faults.may_be_stale()
    }

    /// Returns the copy of the tables for stale reads, created on first use.
    async fn replica(&self) -> anyhow::Result<Arc<Replica>> {
        let make = || async {
            let (database, tables) = (self.dynamodb.database.clone(), self.dynamodb.definitions());
            anyhow::Ok(Arc::new(tokio::task::spawn_blocking(move || Replica::new(database, tables)).await??))
        };
        self.replica.get_or_try_init(make).await.cloned()
    }
}
