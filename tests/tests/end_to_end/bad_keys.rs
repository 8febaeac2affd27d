//! Errors and costs of invalid keys, on every route of the template.

use std::collections::BTreeSet;

use files_domain::{ApiKey, Limit, OwnerId, Scope};
use files_local::template::{self, Surroundings};
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, Response, media};
use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// One owner's files, one in the state for each route.
struct Targets {
    stored: Value,
    announced: Value,
    in_parts: Value,
}

impl Targets {
    async fn of(owner: &Owner) -> Self {
        Self {
            stored: owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await,
            announced: owner.announce("a.mp4", 3, "video/mp4").await,
            in_parts: owner.announce_parts("a.mp4", 3).await,
        }
    }
}

/// Creates the request of a case.
type MakeRequest = Box<dyn Fn(&Owner, &Targets) -> RequestBuilder>;

/// One use of a route.
struct Case {
    route: &'static str,
    function: &'static str,
    scope: Scope,
    /// Whether the request is valid apart from the key.
    well_formed: bool,
    request: MakeRequest,
}

impl Case {
    fn new(
        route: &'static str,
        function: &'static str,
        scope: Scope,
        request: impl Fn(&Owner, &Targets) -> RequestBuilder + 'static,
    ) -> Self {
        Self { route, function, scope, well_formed: true, request: Box::new(request) }
    }

    fn malformed(self) -> Self {
        Self { well_formed: false, ..self }
    }

    fn name(&self) -> String {
        format!("{}{}", self.route, if self.well_formed { "" } else { " (malformed)" })
    }

    /// Returns whether the route names one file.
    fn is_of_file(&self) -> bool {
        ["/v1/files/{id}", "/v1/uploads/{id}"].iter().any(|path| self.route.contains(path))
    }
}

/// Returns the cost of a key that the process has not seen: one read, which also reads the owner's limits, and the file if there is
/// one.
fn cost_of_unknown_key() -> Value {
    json!({"dynamodb": {"BatchGetItem": 1}})
}

fn to(owner: &Owner, method: Method, path: &str) -> RequestBuilder {
    owner.request(method, path)
}

fn cases() -> Vec<Case> {
    use Scope::{Delete, Read, Write};
    let create = |request: fn(&Owner) -> RequestBuilder| {
        Case::new("POST /v1/files", "create-file", Write, move |owner, _| request(owner))
    };
    let list = |query: &'static str| {
        Case::new("GET /v1/files", "list-files", Read, move |owner, _| {
            to(owner, Method::GET, &format!("/files{query}"))
        })
    };
    let upload = |route, function, request: fn(&Owner, &Targets) -> RequestBuilder| {
        Case::new(route, function, Write, request)
    };
    vec![
        create(|owner| owner.form(Form::new().file("a.png", None, b"bytes"))),
        create(|owner| owner.json(&json!({"file_url": "http://127.0.0.1:9/a"}))),
        create(|owner| owner.json(&json!({"name": "a.mp4", "size": 3}))),
        create(|owner| owner.post("application/json", "{")).malformed(),
        list(""),
        list("?status=failed"),
        list("?limit=none").malformed(),
        Case::new("GET /v1/files/{id}", "get-file", Read, |owner, targets| {
            to(owner, Method::GET, &format!("/files/{}", id(&targets.stored)))
        }),
        Case::new("GET /v1/files/{id}", "get-file", Read, |owner, _| to(owner, Method::GET, "/files/none"))
            .malformed(),
        Case::new("GET /v1/files/{id}/{filename}", "download-file", Read, |owner, targets| {
            to(owner, Method::GET, Owner::download_url(&targets.stored))
        }),
        Case::new("GET /v1/files/{id}/{filename}", "download-file", Read, |owner, targets| {
            to(owner, Method::GET, &format!("{}?disposition=none", Owner::download_url(&targets.stored)))
        })
        .malformed(),
        Case::new("HEAD /v1/files/{id}/{filename}", "download-file", Read, |owner, targets| {
            to(owner, Method::HEAD, Owner::download_url(&targets.stored))
        }),
        Case::new("GET /v1/posters/{id}", "get-poster", Read, |owner, targets| {
            to(owner, Method::GET, &format!("/posters/{}", id(&targets.stored)))
        }),
        Case::new("GET /v1/posters/{id}", "get-poster", Read, |owner, targets| {
            to(owner, Method::GET, &format!("/posters/{}?redirect=none", id(&targets.stored)))
        })
        .malformed(),
        Case::new("HEAD /v1/posters/{id}", "get-poster", Read, |owner, targets| {
            to(owner, Method::HEAD, &format!("/posters/{}", id(&targets.stored)))
        }),
        Case::new("DELETE /v1/files/{id}", "delete-file", Delete, |owner, targets| {
            to(owner, Method::DELETE, &format!("/files/{}", id(&targets.stored)))
        }),
        Case::new("DELETE /v1/files/{id}", "delete-file", Delete, |owner, _| {
            to(owner, Method::DELETE, "/files/none")
        })
        .malformed(),
        Case::new("PATCH /v1/files/{id}", "update-file", Write, |owner, targets| {
            change(owner, id(&targets.stored), &json!({"metadata": {"a": "b"}}))
        }),
        Case::new("PATCH /v1/files/{id}", "update-file", Write, |owner, targets| {
            change(owner, id(&targets.stored), &json!({}))
        })
        .malformed(),
        Case::new("POST /v1/files/delete", "delete-files", Delete, |owner, targets| {
            delete_several(owner, &json!([id(&targets.stored)]))
        }),
        Case::new("POST /v1/files/delete", "delete-files", Delete, |owner, _| {
            delete_several(owner, &json!([]))
        })
        .malformed(),
        upload("POST /v1/uploads/{id}/sign", "sign-upload", |owner, targets| {
            owner.post_upload(&targets.announced, "sign")
        }),
        upload("POST /v1/uploads/{id}/parts", "sign-parts", |owner, targets| {
            owner.sign_parts_of(&targets.in_parts, &[1])
        }),
        upload("POST /v1/uploads/{id}/parts", "sign-parts", |owner, targets| {
            owner.post_upload(&targets.in_parts, "parts").body("[]")
        })
        .malformed(),
        Case::new("GET /v1/uploads/{id}/parts", "list-parts", Write, |owner, targets| {
            to(owner, Method::GET, &format!("/uploads/{}/parts", id(&targets.in_parts)))
        }),
        Case::new("GET /v1/uploads/{id}/parts", "list-parts", Write, |owner, targets| {
            to(owner, Method::GET, &format!("/uploads/{}/parts?after=none", id(&targets.in_parts)))
        })
        .malformed(),
        upload("POST /v1/uploads/{id}/complete", "complete-upload", |owner, targets| {
            owner.post_upload(&targets.in_parts, "complete")
        }),
        Case::new("POST /v1/upload-tokens", "create-upload-token", Write, |owner, _| {
            tokens(owner, &json!({}))
        }),
        Case::new("POST /v1/upload-tokens", "create-upload-token", Write, |owner, _| {
            tokens(owner, &json!({"ttl": 1}))
        })
        .malformed(),
        Case::new("DELETE /v1/upload-tokens/{id}", "delete-upload-token", Write, |owner, _| {
            to(owner, Method::DELETE, &format!("/upload-tokens/{}", "0".repeat(64)))
        }),
        Case::new("DELETE /v1/upload-tokens/{id}", "delete-upload-token", Write, |owner, _| {
            to(owner, Method::DELETE, "/upload-tokens/none")
        })
        .malformed(),
        Case::new("GET /v1/usage", "get-usage", Read, |owner, _| to(owner, Method::GET, "/usage")),
        Case::new("POST /v1/preview", "preview-url", Write, |owner, _| preview(owner, "http://127.0.0.1:9/")),
        Case::new("POST /v1/preview", "preview-url", Write, |owner, _| preview(owner, "none")).malformed(),
        webhooks("GET /v1/webhook-endpoints", "list-webhook-endpoints", |owner| {
            to(owner, Method::GET, "/webhook-endpoints")
        }),
        webhooks("POST /v1/webhook-endpoints", "create-webhook-endpoint", |owner| {
            post_json(owner, "/webhook-endpoints", &json!({"url": "https://hooks.example/"}))
        }),
        webhooks("POST /v1/webhook-endpoints", "create-webhook-endpoint", |owner| {
            post_json(owner, "/webhook-endpoints", &json!({}))
        })
        .malformed(),
        webhooks("POST /v1/webhook-endpoints/{id}/rotate", "rotate-webhook-secret", |owner| {
            to(owner, Method::POST, "/webhook-endpoints/default/rotate")
        }),
        webhooks("DELETE /v1/webhook-endpoints/{id}", "delete-webhook-endpoint", |owner| {
            to(owner, Method::DELETE, "/webhook-endpoints/default")
        }),
        Case::new("GET /v1/deliveries", "list-deliveries", Read, |owner, _| {
            to(owner, Method::GET, "/deliveries")
        }),
        Case::new("GET /v1/deliveries", "list-deliveries", Read, |owner, _| {
            to(owner, Method::GET, "/deliveries?file=none")
        })
        .malformed(),
        Case::new("POST /v1/deliveries/{id}/redeliver", "redeliver", Write, |owner, targets| {
            let path = format!("/deliveries/{}_succeeded_default/redeliver", id(&targets.stored));
            to(owner, Method::POST, &path)
        }),
    ]
}

fn change(owner: &Owner, id: &str, body: &Value) -> RequestBuilder {
    to(owner, Method::PATCH, &format!("/files/{id}")).body(body.to_string())
}

fn delete_several(owner: &Owner, ids: &Value) -> RequestBuilder {
    to(owner, Method::POST, "/files/delete").body(json!({"ids": ids}).to_string())
}

fn webhooks(
    route: &'static str,
    function: &'static str,
    request: impl Fn(&Owner) -> RequestBuilder + 'static,
) -> Case {
    Case::new(route, function, Scope::Write, move |owner, _| request(owner))
}

fn tokens(owner: &Owner, bounds: &Value) -> RequestBuilder {
    post_json(owner, "/upload-tokens", bounds)
}

fn preview(owner: &Owner, url: &str) -> RequestBuilder {
    post_json(owner, "/preview", &json!({"file_url": url}))
}

fn post_json(owner: &Owner, path: &str, body: &Value) -> RequestBuilder {
    to(owner, Method::POST, path).header("content-type", "application/json").body(body.to_string())
}

fn without_key(request: RequestBuilder) -> RequestBuilder {
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
    assert_eq!(tried.collect::<BTreeSet<_>>(), routes);
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
        let mut answer = Response::to((case.request)(&holder, &targets)).await;
        assert_ne!(answer.status, 429, "{}: the key is checked first", case.name());
        for _ in 0..20 {
            if answer.status == 429 {
                break;
            }
            answer = Response::to((case.request)(&holder, &targets)).await;
        }
        assert_eq!(answer.status, 429, "{}", case.name());
        for (name, value) in [
            ("retry-after", "1"),
            ("ratelimit-policy", "\"requests\";q=1;w=1"),
            ("ratelimit", "\"requests\";r=0;t=1"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{}", case.name());
        }
    }
}

/// Returns the sort keys of the owner's files.
async fn files_of(owner: &Owner) -> BTreeSet<String> {
    owner.backend.sort_keys().await.into_iter().filter(|sk| sk.starts_with("file#")).collect()
}
