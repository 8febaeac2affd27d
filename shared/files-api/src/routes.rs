/// A route of the API: method, path and function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with its variable segments in braces.
    pub path: &'static str,
    /// Name of the function.
    pub function: &'static str,
}

/// All routes. `template.yaml` deploys, `openapi.yaml` describes and `README.md` lists exactly these, as a test of this crate checks.
pub const ROUTES: &[Route] = &[
    route("GET", "/v1/files", "list-files"),
    route("POST", "/v1/files", "create-file"),
    route("POST", "/v1/files/delete", "delete-files"),
    route("GET", "/v1/files/{id}", "get-file"),
    route("PATCH", "/v1/files/{id}", "update-file"),
    route("DELETE", "/v1/files/{id}", "delete-file"),
    route("GET", "/v1/files/{id}/{filename}", "download-file"),
    route("HEAD", "/v1/files/{id}/{filename}", "download-file"),
    route("GET", "/v1/posters/{id}", "get-poster"),
    route("HEAD", "/v1/posters/{id}", "get-poster"),
    route("POST", "/v1/uploads/{id}/sign", "sign-upload"),
    route("GET", "/v1/uploads/{id}/parts", "list-parts"),
    route("POST", "/v1/uploads/{id}/parts", "sign-parts"),
    route("POST", "/v1/uploads/{id}/complete", "complete-upload"),
    route("POST", "/v1/upload-tokens", "create-upload-token"),
    route("DELETE", "/v1/upload-tokens/{id}", "delete-upload-token"),
    route("POST", "/v1/preview", "preview-url"),
    route("GET", "/v1/usage", "get-usage"),
    route("GET", "/v1/webhook-endpoints", "list-webhook-endpoints"),
    route("POST", "/v1/webhook-endpoints", "create-webhook-endpoint"),
    route("DELETE", "/v1/webhook-endpoints/{id}", "delete-webhook-endpoint"),
    route("POST", "/v1/webhook-endpoints/{id}/rotate", "rotate-webhook-secret"),
    route("GET", "/v1/deliveries", "list-deliveries"),
    route("POST", "/v1/deliveries/{id}/redeliver", "redeliver"),
    route("GET", "/v1/openapi.json", "api-docs"),
    route("GET", "/docs", "api-docs"),
    // All other methods and paths.
    route("ANY", "$default", "not-found"),
];

const fn route(method: &'static str, path: &'static str, function: &'static str) -> Route {
    Route { method, path, function }
}

impl Route {
    /// Returns whether `path` matches this route. A variable segment matches any text except the empty one.
    fn matches(&self, path: &str) -> bool {
        let (mut wanted, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(wanted), Some(given)) if wanted == given => {}
                (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
                _ => return false,
            }
        }
    }
}

/// Returns the value of `Allow` (RFC 9110, section 10.2.1) for a path; `None` if no route has it. `OPTIONS` is always
/// allowed, since the gateway responds to CORS preflights.
#[must_use]
pub fn allowed_methods(path: &str) -> Option<String> {
    let methods: Vec<_> =
        ROUTES.iter().filter(|route| route.matches(path)).map(|route| route.method).collect();
    (!methods.is_empty()).then(|| format!("{}, OPTIONS", methods.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_of_the_path() {
        for (path, methods) in [
            ("/v1/files", Some("GET, POST, OPTIONS")),
            ("/v1/files/", None),
            ("/v1/preview", Some("POST, OPTIONS")),
            ("/v1/preview/", None),
            ("/v1/files/x", Some("GET, PATCH, DELETE, OPTIONS")),
            ("/v1/files/delete", Some("POST, GET, PATCH, DELETE, OPTIONS")),
            ("/v1/files/x/y.mp4", Some("GET, HEAD, OPTIONS")),
            ("/v1/files/x/", None),
            ("/v1/files//y.mp4", None),
            ("/v1/files/x/y/z", None),
            ("/", None),
            ("", None),
            ("/v2/files", None),
            ("/v1/uploads/x", None),
            ("/v1/uploads/x/sign", Some("POST, OPTIONS")),
            ("/v1/uploads/x/parts", Some("GET, POST, OPTIONS")),
            ("/v1/uploads/x/complete", Some("POST, OPTIONS")),
            ("/v1/uploads//complete", None),
            ("/v1/uploads/x/else", None),
        ] {
            assert_eq!(allowed_methods(path).as_deref(), methods, "{path}");
        }
    }
}
