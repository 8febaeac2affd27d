//! A request to every route of the template that needs a key.

use files_domain::Scope;
use files_tests::owner::id;
use files_tests::{Form, Owner, Response, media};
use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// What an owner has, one file in the state for each route.
pub(crate) struct Targets {
    pub(crate) stored: Value,
    pub(crate) announced: Value,
    pub(crate) in_parts: Value,
    pub(crate) token: Value,
}

impl Targets {
    pub(crate) async fn of(owner: &Owner) -> Self {
        Self {
            stored: owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await,
            announced: owner.announce("a.mp4", 3, "video/mp4").await,
            in_parts: owner.announce_parts("a.mp4", 3).await,
            token: Response::to(tokens(owner, &json!({}))).await.expect(201).json(),
        }
    }
}

/// Creates the request of a case.
pub(crate) type MakeRequest = Box<dyn Fn(&Owner, &Targets) -> RequestBuilder>;

/// One use of a route.
pub(crate) struct Case {
    pub(crate) route: &'static str,
    pub(crate) function: &'static str,
    pub(crate) scope: Scope,
    /// Whether the request is valid apart from the key.
    pub(crate) well_formed: bool,
    pub(crate) request: MakeRequest,
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

    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.route, if self.well_formed { "" } else { " (malformed)" })
    }

    /// Returns whether the route names one file.
    pub(crate) fn is_of_file(&self) -> bool {
        ["/v1/files/{id}", "/v1/uploads/{id}"].iter().any(|path| self.route.contains(path))
    }
}

pub(crate) fn to(owner: &Owner, method: Method, path: &str) -> RequestBuilder {
    owner.request(method, path)
}

pub(crate) fn cases() -> Vec<Case> {
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
        Case::new("DELETE /v1/upload-tokens/{id}", "delete-upload-token", Write, |owner, targets| {
            to(owner, Method::DELETE, &format!("/upload-tokens/{}", id(&targets.token)))
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

pub(crate) fn post_json(owner: &Owner, path: &str, body: &Value) -> RequestBuilder {
    to(owner, Method::POST, path).header("content-type", "application/json").body(body.to_string())
}
