//! Updates that only remove attributes. On a missing item DynamoDB creates nothing, whereas the engine creates an item with only
//! the key. scylladb, `test_update_item_non_existent`, `test_nested_attribute_remove_from_missing_item` (also run on DynamoDB).
//!
//! The engine gets each such update with the condition that its item exists; if the item is missing, it gets a check of the
//! update's own condition instead. The item in a failed condition shows which of the two applies. If another write changes
//! that in between, the request is tried again.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::expression::{Token, tokens};

/// Maximum attempts, each of which can fail only because of another write.
const MAX_ATTEMPTS: usize = 20;

/// A request for the engine.
pub(super) struct Attempt {
    pub(super) operation: &'static str,
    pub(super) request: Value,
}

/// The meaning of the engine's response.
pub(super) enum Verdict {
    /// The response is final.
    Done(StatusCode, Value),
    /// An item exists contrary to the assumption, or does not: try again.
    Again,
}

/// A request with at least one update that only removes.
pub(super) struct Removals {
    request: Value,
    is_transaction: bool,
    updates: Vec<Removal>,
    attempts: usize,
}

struct Removal {
    /// Its position in the transaction.
    at: usize,
    update: Value,
    /// Whether the item is assumed to be missing.
    is_missing: bool,
}

impl Removals {
    /// Returns the updates of a request that only remove, or `None` if there are none.
    pub(super) fn of(operation: &str, request: &Value) -> Option<Self> {
        let is_transaction = operation == "TransactWriteItems";
        let updates: Vec<_> = match operation {
            "UpdateItem" => Removal::of(0, request).into_iter().collect(),
            "TransactWriteItems" => {
                let actions = request["TransactItems"].as_array()?.iter().enumerate();
                actions.filter_map(|(at, action)| Removal::of(at, action.get("Update")?)).collect()
            }
            _ => return None,
        };
        let request = request.clone();
        (!updates.is_empty()).then_some(Self { request, is_transaction, updates, attempts: 0 })
    }

    /// Returns for each update whether its item is assumed to be missing. A repeated request with a token must send the same.
    pub(super) fn assumptions(&self) -> Vec<bool> {
        self.updates.iter().map(|update| update.is_missing).collect()
    }

    /// Adopts the assumptions of an earlier request with the same token.
    pub(super) fn assume(&mut self, missing: &[bool]) {
        for (update, missing) in self.updates.iter_mut().zip(missing) {
            update.is_missing = *missing;
        }
    }

    /// Returns the token that identifies a repeated transaction.
    pub(super) fn token(&self) -> Option<&str> {
        self.request["ClientRequestToken"].as_str()
    }

    /// Builds the request for the engine.
    pub(super) fn attempt(&self) -> Attempt {
        if self.is_transaction {
            let mut request = self.request.clone();
            for update in &self.updates {
                request["TransactItems"][update.at] = update.action();
            }
            return Attempt { operation: "TransactWriteItems", request };
        }
        match self.updates.first() {
            Some(update) if update.is_missing => {
                let mut request = json!({"TransactItems": [update.action()]});
                request["ReturnConsumedCapacity"] =
                    self.request.get("ReturnConsumedCapacity").cloned().unwrap_or_else(|| "NONE".into());
                Attempt { operation: "TransactWriteItems", request }
            }
            Some(update) => Attempt { operation: "UpdateItem", request: update.guarded(true) },
            None => Attempt { operation: "UpdateItem", request: self.request.clone() },
        }
    }

    /// Reads the response to the last attempt.
    pub(super) fn judge(&mut self, status: StatusCode, mut body: Value) -> Verdict {
        self.attempts += 1;
        let may_retry = self.attempts < MAX_ATTEMPTS;
        if !self.is_transaction {
            return self.judge_update(status, body, may_retry);
        }
        let Some(reasons) = body.get_mut("CancellationReasons").and_then(Value::as_array_mut) else {
            return Verdict::Done(status, body);
        };
        let mut was_wrong = false;
        for update in &mut self.updates {
            let Some(reason) = reasons.get_mut(update.at) else { continue };
            if reason["Code"] == "ConditionalCheckFailed" {
                was_wrong |= update.learn(reason.get("Item").is_none());
                update.hide_item(reason);
            }
        }
        if was_wrong && may_retry { Verdict::Again } else { Verdict::Done(status, body) }
    }

    fn judge_update(&mut self, status: StatusCode, body: Value, may_retry: bool) -> Verdict {
        let Some(update) = self.updates.first_mut() else { return Verdict::Done(status, body) };
        let (mut failure, mut response) = match (update.is_missing, status.is_success()) {
            (false, true) => return Verdict::Done(status, body),
            (false, false) if is(&body, "ConditionalCheckFailedException") => (body, Value::Null),
            (true, false) if is(&body, "TransactionCanceledException") => {
                let reason = body["CancellationReasons"][0].clone();
                if reason["Code"] != "ConditionalCheckFailed" {
                    return Verdict::Done(status, validation(&reason));
                }
                (conditional_check_failed(&reason), Value::Null)
            }
            (true, true) => (Value::Null, body),
            (_, false) => return Verdict::Done(status, body),
        };
        if failure.is_null() {
            let mut done = json!({});
            if let Some(mut capacity) = response.pointer_mut("/ConsumedCapacity/0").map(Value::take) {
                // The check replaces one write, which DynamoDB counts as one unit even if it writes nothing.
                capacity["CapacityUnits"] = 1.0.into();
                done["ConsumedCapacity"] = capacity;
            }
            return Verdict::Done(StatusCode::OK, done);
        }
        if update.learn(failure.get("Item").is_none()) && may_retry {
            return Verdict::Again;
        }
        update.hide_item(&mut failure);
        Verdict::Done(StatusCode::BAD_REQUEST, failure)
    }
}

impl Removal {
    fn of(at: usize, update: &Value) -> Option<Self> {
        let update = as_expression(update)?;
        let tokens = tokens(update["UpdateExpression"].as_str()?);
        let clauses = || tokens.iter().filter(|token| token.is_keyword());
        let removes = clauses().all(|token| token.is("REMOVE") || token.is("DELETE"));
        let is_whole = update["Key"].as_object().is_some_and(|key| !key.is_empty());
        // The added condition must not make the expression longer than DynamoDB's limit.
        let is_short = update["ConditionExpression"].as_str().is_none_or(|text| text.len() < 4000);
        let is_removal = removes && clauses().next().is_some() && is_whole && is_short;
        is_removal.then_some(Self { at, update, is_missing: false })
    }

    /// Returns the transaction's action.
    fn action(&self) -> Value {
        if self.is_missing {
            json!({"ConditionCheck": self.check()})
        } else {
            json!({"Update": self.guarded(true)})
        }
    }

    /// Returns the update with the additional condition that its item exists, or does not.
    fn guarded(&self, exists: bool) -> Value {
        let mut update = self.update.clone();
        let mut guard = "#files_local".to_owned();
        while update["ExpressionAttributeNames"].get(&guard).is_some() {
            guard.push('_');
        }
        let key = update["Key"].as_object().and_then(|key| key.keys().next().cloned()).unwrap_or_default();
        let names = update["ExpressionAttributeNames"].as_object().cloned().unwrap_or_default();
        update["ExpressionAttributeNames"] =
            names.into_iter().chain([(guard.clone(), key.into())]).collect::<Map<_, _>>().into();
        let function = if exists { "attribute_exists" } else { "attribute_not_exists" };
        let condition = match update["ConditionExpression"].as_str() {
            // Parentheses only where they are needed: DynamoDB refuses redundant ones.
            Some(own) if has_outer_or(own) => format!("({own}) AND {function}({guard})"),
            Some(own) => format!("{own} AND {function}({guard})"),
            None => format!("{function}({guard})"),
        };
        update["ConditionExpression"] = condition.into();
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
        update
    }

    /// Returns a check of the update's own condition against a missing item.
    fn check(&self) -> Value {
        let guarded = self.guarded(false);
        let condition = guarded["ConditionExpression"].as_str().unwrap_or_default();
        let tokens = tokens(condition);
        let uses = |name: &str| {
            tokens
                .iter()
                .any(|token| matches!(token, Token::Name(used) | Token::Value(used) if *used == name))
        };
        let mut check = json!({
            "TableName": guarded["TableName"], "Key": guarded["Key"], "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        for field in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
            let used = guarded[field].as_object().into_iter().flatten().filter(|(name, _)| uses(name));
            let used: Map<_, _> = used.map(|(name, value)| (name.clone(), value.clone())).collect();
            if !used.is_empty() {
                check[field] = used.into();
            }
        }
        check
    }

    /// Records from a failed condition whether the item exists. Returns whether the assumption was wrong.
    fn learn(&mut self, is_missing: bool) -> bool {
        std::mem::replace(&mut self.is_missing, is_missing) != is_missing
    }

    /// Removes from a failure the item that the caller did not request.
    fn hide_item(&self, failure: &mut Value) {
        if self.update["ReturnValuesOnConditionCheckFailure"] != "ALL_OLD"
            && let Some(failure) = failure.as_object_mut()
        {
            failure.remove("Item");
        }
    }
}

/// Converts an update with legacy parameters (`AttributeUpdates` that all delete) to an expression, if it has no `Expected`.
fn as_expression(update: &Value) -> Option<Value> {
    let Some(updates) = update.get("AttributeUpdates") else { return Some(update.clone()) };
    let is_plain = ["Expected", "UpdateExpression", "ConditionExpression", "ExpressionAttributeNames"]
        .iter()
        .all(|field| update.get(*field).is_none());
    let updates = updates.as_object().filter(|updates| is_plain && !updates.is_empty())?;
    let (mut names, mut values, mut remove, mut delete) = (Map::new(), Map::new(), Vec::new(), Vec::new());
    for (at, (attribute, one)) in updates.iter().enumerate() {
        if one["Action"] != "DELETE" {
            return None;
        }
        names.insert(format!("#a{at}"), attribute.as_str().into());
        match one.get("Value") {
            Some(value) if ["SS", "NS", "BS"].iter().any(|kind| value.get(*kind).is_some()) => {
                values.insert(format!(":v{at}"), value.clone());
                delete.push(format!("#a{at} :v{at}"));
            }
            Some(_) => return None,
            None => remove.push(format!("#a{at}")),
        }
    }
    let clause = |word: &str, targets: Vec<String>| {
        if targets.is_empty() { String::new() } else { format!("{word} {} ", targets.join(", ")) }
    };
    let mut update = update.clone();
    let fields = update.as_object_mut()?;
    fields.remove("AttributeUpdates");
    let expression = clause("REMOVE", remove) + &clause("DELETE", delete);
    fields.insert("UpdateExpression".to_owned(), expression.into());
    fields.insert("ExpressionAttributeNames".to_owned(), names.into());
    if !values.is_empty() {
        fields.insert("ExpressionAttributeValues".to_owned(), values.into());
    }
    Some(update)
}

/// Returns whether a condition has an `OR` outside parentheses.
fn has_outer_or(condition: &str) -> bool {
    let mut depth = 0_usize;
    tokens(condition).iter().any(|token| {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is("OR")
    })
}

fn is(body: &Value, name: &str) -> bool {
    body["__type"].as_str().is_some_and(|kind| kind.ends_with(&format!("#{name}")))
}

fn conditional_check_failed(reason: &Value) -> Value {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let mut failure = json!({"__type": kind, "message": "The conditional request failed"});
    if let Some(item) = reason.get("Item") {
        failure["Item"] = item.clone();
    }
    failure
}

fn validation(reason: &Value) -> Value {
    json!({"__type": super::VALIDATION, "message": reason["Message"]})
}
