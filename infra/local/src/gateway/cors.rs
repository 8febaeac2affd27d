//! CORS: the gateway's configuration replaces the CORS headers of functions.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use crate::template::Cors;

/// Returns the request's `Origin`.
pub(super) fn origin(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("origin")?.to_str().ok()?.to_owned())
}

/// Returns whether a request is a preflight, which the gateway does not pass to functions.
pub(super) fn is_preflight(request: &Request<Body>) -> bool {
    let has = |name: &str| request.headers().contains_key(name);
    request.method() == Method::OPTIONS && has("origin") && has("access-control-request-method")
}

/// Replaces the response's CORS headers with the configured ones; removes them for an origin that is not allowed.
pub(super) fn apply(cors: &Cors, origin: Option<&str>, preflight: bool, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in own {
        headers.remove(name);
    }
    let Some(allowed) = origin.and_then(|origin| allowed_origin(cors, origin)) else {
        return;
    };
    let mut set = |name: &'static str, value: &str| {
        if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    };
    set("access-control-allow-origin", &allowed);
    set("access-control-expose-headers", &cors.expose_headers.join(","));
    if cors.allow_credentials {
        set("access-control-allow-credentials", "true");
    }
    if preflight {
        set("access-control-allow-methods", &cors.allow_methods.join(","));
        set("access-control-allow-headers", &cors.allow_headers.join(",").to_lowercase());
        set("access-control-max-age", &cors.max_age.map(|seconds| seconds.to_string()).unwrap_or_default());
    }
}

fn allowed_origin(cors: &Cors, origin: &str) -> Option<String> {
    let scheme =
        |pattern: &str| pattern.strip_suffix('*').filter(|scheme| scheme.ends_with("://")).map(str::to_owned);
    let fits = |pattern: &String| match pattern.as_str() {
        "*" => Some("*".to_owned()),
        exact if exact == origin => Some(origin.to_owned()),
        other => scheme(other).filter(|scheme| origin.starts_with(scheme)).map(|_| origin.to_owned()),
    };
    cors.allow_origins.iter().find_map(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origin: &str) -> Cors {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Cors {
            allow_origins: list(&[origin]),
            allow_methods: list(&["GET", "POST"]),
            allow_headers: list(&["X-API-KEY"]),
            expose_headers: list(&["ETag", "Link"]),
            max_age: Some(3600),
            allow_credentials: false,
        }
    }

    fn applied(
        allowed: &str,
        origin: Option<&str>,
        preflight: bool,
        own: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let mut response = Response::new(Body::empty());
        for (name, value) in own {
            response.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        apply(&cors(allowed), origin, preflight, &mut response);
        let shown =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = response.headers().iter().map(shown).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_preflight_gets_all_headers() {
        let lines = applied("*", Some("https://a.test"), true, &[]);
        let expected = [
            "access-control-allow-headers: x-api-key",
            "access-control-allow-methods: GET,POST",
            "access-control-allow-origin: *",
            "access-control-expose-headers: ETag,Link",
            "access-control-max-age: 3600",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_functions_own_headers_are_replaced() {
        let own = [
            ("access-control-allow-origin", "https://evil.test"),
            ("access-control-allow-methods", "PUT"),
            ("etag", "1"),
        ];
        let lines = applied("https://a.test", Some("https://a.test"), false, &own);
        let expected = [
            "access-control-allow-origin: https://a.test",
            "access-control-expose-headers: ETag,Link",
            "etag: 1",
        ];
        assert_eq!(lines, expected);
        assert_eq!(applied("https://a.test", Some("https://b.test"), false, &own), ["etag: 1"]);
        assert_eq!(applied("*", None, false, &own), ["etag: 1"]);
        assert_eq!(
            applied("https://*", Some("https://b.test"), false, &[])[0],
            "access-control-allow-origin: https://b.test"
        );
        assert!(applied("https://*", Some("http://b.test"), false, &[]).is_empty());
    }
}
