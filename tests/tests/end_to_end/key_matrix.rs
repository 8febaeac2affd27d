//! The table of refusals in the documentation: every route with each kind of key that does not open it, and what strangers can tell
//! of others' files.

use files_domain::{ApiKey, FileId, OwnerId, Scope};
use files_tests::cloud::now;
use files_tests::generated::assert_section;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Response, skip_on_deployment};
use http::{HeaderMap, Method};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::bad_keys::without_key;
use crate::every_route::{Case, Targets, cases, post_json, to};

/// Returns the well-formed request of every route; for the creation of files, the one that upload tokens open.
fn one_of_each_route() -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    for case in cases().into_iter().filter(|case| case.well_formed) {
        match found.iter_mut().find(|other| other.route == case.route) {
            Some(other) => *other = case,
            None => found.push(case),
        }
    }
    found
}

/// What a request got, and the calls that it cost.
struct Outcome {
    response: Response,
    calls: Value,
}

async fn send(cloud: &Cloud, case: &Case, request: RequestBuilder) -> Outcome {
    cloud.reset_calls().await;
    let response = Response::to(request).await;
    Outcome { response, calls: cloud.calls(case.function).await }
}

impl Outcome {
    /// Returns the status, the reason in the body, and the calls: "401 `invalid_api_key`, 1 `BatchGetItem`".
    fn cell(&self) -> String {
        let body: Value = serde_json::from_slice(&self.response.body).unwrap_or_default();
        let of_item = &body["results"][0]["error"]["reason"];
        let reason = body["reason"].as_str().or(of_item.as_str());
        let reason = reason.map(|reason| format!(" `{reason}`")).unwrap_or_default();
        let services = self.calls.as_object().into_iter().flatten();
        let operations = services.filter_map(|(_, operations)| operations.as_object()).flatten();
        let calls: Vec<_> = operations.map(|(name, count)| format!("{count} `{name}`")).collect();
        let calls = if calls.is_empty() { "0".to_owned() } else { calls.join(" + ") };
        format!("{}{reason}, {calls}", self.response.status)
    }
}

/// Keys of an owner that do not open a route.
struct BadKeys {
    garbage: String,
    forged: String,
    expired: String,
    revoked: String,
    lacking: String,
}

impl BadKeys {
    /// Creates keys that no process has seen.
    async fn of(cloud: &Cloud, owner: &Owner, scope: Scope) -> Self {
        let revoked = cloud.key(owner.name(), Scope::ALL, None).await;
        let hash = ApiKey::parse(&revoked).expect("a key").hash();
        owner.backend.keys().revoke(hash, now()).await.expect("revoked");
        let others = Scope::ALL.into_iter().filter(|other| *other != scope);
        Self {
            garbage: owner.key()[..owner.key().len() - 1].to_owned(),
            forged: ApiKey::generate(OwnerId::named(owner.name())).expect("randomness").reveal().to_owned(),
            expired: cloud.key(owner.name(), Scope::ALL, Some(now())).await,
            revoked,
            lacking: cloud.key(owner.name(), others, None).await,
        }
    }
}

/// Creates an upload token whose bounds refuse every request.
async fn narrow_token(owner: &Owner) -> String {
    let created = Response::to(post_json(owner, "/upload-tokens", &json!({"max_size": 1}))).await.expect(201);
    created.json()["token"].as_str().expect("a token").to_owned()
}

/// Two owners. The second one requests what belongs to the first one.
struct Owners {
    first: Owner,
    targets: Targets,
    stranger: Owner,
    /// An endpoint of the first one.
    endpoint: String,
}

impl Owners {
    async fn on(cloud: &Cloud) -> Self {
        let (first, stranger) = (cloud.owner().await, cloud.owner().await);
        let targets = Targets::of(&first).await;
        let hook = json!({"url": "https://hooks.example/", "events": ["file.expired"]});
        let endpoint = Response::to(post_json(&first, "/webhook-endpoints", &hook)).await.expect(201).json();
        Self { first, targets, stranger, endpoint: id(&endpoint).to_owned() }
    }

    /// Returns the stranger's request about what the first owner has; `None`: the route names nothing.
    fn trespass(&self, case: &Case) -> Option<RequestBuilder> {
        self.about(case, &self.targets, &self.endpoint)
    }

    fn about(&self, case: &Case, targets: &Targets, endpoint: &str) -> Option<RequestBuilder> {
        let path = format!("/webhook-endpoints/{endpoint}");
        match case.route {
            "DELETE /v1/webhook-endpoints/{id}" => Some(to(&self.stranger, Method::DELETE, &path)),
            "POST /v1/webhook-endpoints/{id}/rotate" => {
                Some(to(&self.stranger, Method::POST, &format!("{path}/rotate")))
            }
            route if route.contains("{id}") || route == "POST /v1/files/delete" => {
                Some((case.request)(&self.stranger, targets))
            }
            _ => None,
        }
    }

    /// Makes the stranger's key known to the function.
    async fn introduce(&self, case: &Case) {
        Response::to((case.request)(&self.stranger, &absent(&self.targets))).await;
    }
}

/// Returns the same targets with ids that nobody has.
fn absent(targets: &Targets) -> Targets {
    let renamed = |file: &Value| {
        let (old, new) = (id(file), FileId::new(now()).to_string());
        let new = if old.len() == new.len() { new } else { "0".repeat(old.len()) };
        serde_json::from_str(&file.to_string().replace(old, &new)).expect("JSON")
    };
    Targets {
        stored: renamed(&targets.stored),
        announced: renamed(&targets.announced),
        in_parts: renamed(&targets.in_parts),
        token: renamed(&targets.token),
    }
}

#[tokio::test]
async fn the_documentation_has_what_each_bad_key_gets() {
    skip_on_deployment!("counts calls, and creates keys that are over");
    let cloud = Cloud::start().await;
    let owners = Owners::on(&cloud).await;
    let Owners { first, targets, .. } = &owners;
    let mut table = String::from(
        "| route | no key | garbage | valid checksum, not issued | expired | revoked | without the scope | upload token out of bounds | another owner's |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for case in one_of_each_route() {
        let bad = BadKeys::of(&cloud, first, case.scope).await;
        let with = |key: &str| (case.request)(&first.with_key(key), targets);
        let mut cells = vec![send(&cloud, &case, without_key((case.request)(first, targets))).await.cell()];
        for key in [&bad.garbage, &bad.forged, &bad.expired, &bad.revoked, &bad.lacking] {
            cells.push(send(&cloud, &case, with(key)).await.cell());
        }
        let token = narrow_token(first).await;
        cells.push(send(&cloud, &case, with(&token)).await.cell());
        owners.introduce(&case).await;
        cells.push(match owners.trespass(&case) {
            Some(request) => send(&cloud, &case, request).await.cell(),
            None => "names nothing".to_owned(),
        });
        table.push_str(&format!("| `{}` | {} |\n", case.route, cells.join(" | ")));
    }
    assert_eq!(first.file(id(&targets.stored)).await, targets.stored, "nothing was changed");
    assert_section("refusals.md", "keys", &table);
}

/// Returns what a client can compare, without what differs in each response.
fn visible(response: &Response) -> (u16, HeaderMap, String) {
    let mut headers = response.headers.clone();
    for name in ["date", "apigw-requestid"] {
        headers.remove(name);
    }
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let item = &body["results"][0];
    let hidden = [&body["request_id"], &item["id"], &item["error"]["request_id"]];
    let hidden = hidden.into_iter().filter_map(Value::as_str);
    (response.status, headers, hidden.fold(text.clone(), |text, id| text.replace(id, "…")))
}

#[tokio::test]
async fn what_others_have_looks_and_costs_like_what_nobody_has() {
    skip_on_deployment!("counts calls and units");
    let cloud = Cloud::start().await;
    cloud.meter().await;
    let owners = Owners::on(&cloud).await;
    let nobodys_endpoint = FileId::new(now()).to_string();
    for case in one_of_each_route() {
        owners.introduce(&case).await;
        let nobodys = absent(&owners.targets);
        let Some(request) = owners.trespass(&case) else { continue };
        let theirs = send(&cloud, &case, request).await;
        let units = cloud.consumed(case.function).await;
        let request = owners.about(&case, &nobodys, &nobodys_endpoint).expect("a request");
        let absent = send(&cloud, &case, request).await;
        assert_eq!(visible(&theirs.response), visible(&absent.response), "{}", case.name());
        assert_eq!(theirs.calls, absent.calls, "{}: the same calls", case.name());
        for unit in ["read_units", "write_units"] {
            let spent = &cloud.consumed(case.function).await[unit];
            assert_eq!(&units[unit], spent, "{}: the same {unit}", case.name());
        }
    }
}
