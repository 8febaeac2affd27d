//! Errors and costs of invalid keys, on every route of the template.

use std::collections::BTreeSet;

use files_domain::{ApiKey, Limit, OwnerId, Scope};
use files_local::template::{self, Surroundings};
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Response};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::every_route::{Case, Targets, cases};

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// Returns the cost of a key that the process has not seen: one read, which also reads the owner's limits, and the file if there is
/// one.
fn cost_of_unknown_key() -> Value {
    json!({"dynamodb": {"BatchGetItem": 1}})
}

pub(crate) fn without_key(request: RequestBuilder) -> RequestBuilder {
    let (client, request) = request.build_split();
    let mut request = request.expect("a request");
    request.headers_mut().remove("x-api-key").expect("a key");
    RequestBuilder::from_parts(client, request)
}

/// Sends a request. Returns the response, and the calls of the route's function.
async fn priced(cloud: &Cloud, case: &Case, request: RequestBuilder) -> (Response, Value) {
    cloud.reset_calls().await;
    let response = Response::to(request).await;
    let calls = cloud.calls(case.function).await;
    (response, calls)
}

/// Asserts that a response is this error, in the API's shape if it has a body.
fn assert_refused(case: &Case, response: &Response, status: u16, reason: &str, message: &str) {
    if case.route.starts_with("HEAD") {
        assert_eq!((response.status, response.body.len()), (status, 0), "{}", case.name());
        return;
    }
    let body = response.expect_error(status, reason);
    assert!(body["message"].as_str().is_some_and(|text| text.contains(message)), "{}: {body}", case.name());
}

#[test]
fn every_route_of_the_template_has_a_case() {
    let model = template::load(TEMPLATE, &Surroundings::default()).expect("the template");
    let routes = model
        .functions
        .iter()
        .flat_map(|function| function.routes.iter().map(|route| (route.key(), function.binary.clone())));
    let open = ["not-found", "api-docs"]; // these read no data of owners, and require no key
    let routes: BTreeSet<_> = routes.filter(|(_, function)| !open.contains(&function.as_str())).collect();
    let tried = cases().into_iter().map(|case| (case.route.to_owned(), case.function.to_owned()));
    let tried: BTreeSet<_> = tried.collect();
    let differing: Vec<_> = routes.symmetric_difference(&tried).collect();
    assert!(
        differing.is_empty(),
        "either only in the template or only in cases() of every_route.rs: {differing:?}"
    );
}

#[tokio::test]
async fn an_invalid_key_costs_one_read_and_then_none() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let targets = Targets::of(&owner).await;
    let before = (owner.backend.items().await.len(), owner.backend.usage().await);
    let unauthorized = (401, "invalid_api_key", "Invalid or expired API key");
    for case in cases() {
        let garbage = owner.with_key(&owner.key()[..owner.key().len() - 1]);
        for request in [
            without_key((case.request)(&owner, &targets)),
            (case.request)(&owner.with_key(""), &targets),
            (case.request)(&garbage, &targets),
        ] {
            let (response, calls) = priced(&cloud, &case, request).await;
            let (status, reason, message) = unauthorized;
            assert_refused(&case, &response, status, reason, message);
            assert_eq!(calls, json!({}), "{}: a malformed key costs nothing", case.name());
        }

        let forged = ApiKey::generate(OwnerId::named(owner.name())).expect("randomness");
        let expired = cloud.key(owner.name(), Scope::ALL, Some(now())).await;
        let revoked = cloud.key(owner.name(), Scope::ALL, None).await;
        owner
            .backend
            .keys()
            .revoke(ApiKey::parse(&revoked).expect("a key").hash(), now())
            .await
            .expect("revoked");
        let others = Scope::ALL.into_iter().filter(|scope| *scope != case.scope);
        let lacking = cloud.key(owner.name(), others, None).await;
        for (kind, key, (status, reason, message)) in [
            ("forged", forged.reveal(), unauthorized),
            ("expired", &expired, unauthorized),
            ("revoked", &revoked, unauthorized),
            ("lacking", &lacking, (403, "missing_scope", case.scope.as_str())),
        ] {
            let bad = owner.with_key(key);
            for cost in [cost_of_unknown_key(), json!({})] {
                let (response, calls) = priced(&cloud, &case, (case.request)(&bad, &targets)).await;
                assert_refused(&case, &response, status, reason, message);
                assert_eq!(calls, cost, "{} with a key that is {kind}", case.name());
            }
        }
    }
    assert_eq!((owner.backend.items().await.len(), owner.backend.usage().await), before);
    assert_eq!(owner.file(id(&targets.stored)).await, targets.stored);
}

#[tokio::test]
async fn another_owners_file_costs_one_read() {
    let cloud = Cloud::start().await;
    let (owner, stranger) = (cloud.owner().await, cloud.owner().await);
    let (targets, own) = (Targets::of(&owner).await, Targets::of(&stranger).await);
    for case in cases().iter().filter(|case| case.is_of_file() && case.well_formed) {
        // Caches the key in the function.
        Response::to((case.request)(&stranger, &own)).await;
        let (response, calls) = priced(&cloud, case, (case.request)(&stranger, &targets)).await;
        assert_refused(case, &response, 404, "not_found", "");
        assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}}), "{}", case.name());
    }
    assert_eq!(owner.file(id(&targets.stored)).await, targets.stored);
}

#[tokio::test]
async fn a_revoked_key_cannot_write() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    for case in cases().iter().filter(|case| case.scope != Scope::Read && case.well_formed) {
        let targets = Targets::of(&owner).await;
        let key = cloud.key(owner.name(), Scope::ALL, None).await;
        let holder = owner.with_key(&key);
        let response = Response::to((case.request)(&holder, &targets)).await;
        assert!(![401, 403].contains(&response.status), "{}: {}", case.name(), response.status);
        owner
            .backend
            .keys()
            .revoke(ApiKey::parse(&key).expect("a key").hash(), now())
            .await
            .expect("revoked");
        let before = files_of(&owner).await;
        for most in [1, 0] {
            let (response, calls) = priced(&cloud, case, (case.request)(&holder, &targets)).await;
            assert_refused(case, &response, 401, "invalid_api_key", "Invalid or expired API key");
            let made: u64 =
                calls["dynamodb"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
            assert!(made <= most && calls.as_object().is_none_or(|services| services.len() <= 1), "{calls}");
        }
        assert_eq!(files_of(&owner).await, before, "{}", case.name());
    }
}

#[tokio::test]
async fn every_route_enforces_the_owners_requests_per_second() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let targets = Targets::of(&owner).await;
    let limits = [(Limit::RequestsPerSecond, 1)].into();
    owner.backend.keys().set_limits(owner.backend.owner, &limits).await.expect("set");
    let keys = async || cloud.key(owner.name(), Scope::ALL, None).await;
    for case in cases() {
        let holder = owner.with_key(&keys().await); // a new key, which no process has cached with the earlier limits
        let mut response = Response::to((case.request)(&holder, &targets)).await;
        assert_ne!(response.status, 429, "{}: the key is checked first", case.name());
        for _ in 0..20 {
            if response.status == 429 {
                break;
            }
            response = Response::to((case.request)(&holder, &targets)).await;
        }
        assert_eq!(response.status, 429, "{}", case.name());
        for (name, value) in [
            ("retry-after", "1"),
            ("ratelimit-policy", "\"requests\";q=1;w=1"),
            ("ratelimit", "\"requests\";r=0;t=1"),
        ] {
            assert_eq!(response.header(name), Some(value), "{}", case.name());
        }
    }
}

/// Returns the sort keys of the owner's files.
async fn files_of(owner: &Owner) -> BTreeSet<String> {
    owner.backend.sort_keys().await.into_iter().filter(|sk| sk.starts_with("file#")).collect()
}
