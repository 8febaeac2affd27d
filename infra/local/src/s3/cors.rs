//! CORS of a bucket: preflights need no signature, and other responses get headers.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::CorsRule;
use super::fault::{Fault, Outcome};

/// The bucket's rules.
pub(super) struct Cors {
    bucket: String,
    rules: Vec<CorsRule>,
}

/// The CORS headers of a request, which S3 treats like those of a preflight in any request.
struct Question<'request> {
    origin: &'request str,
    method: &'request str,
    /// In lower case.
    headers: Vec<String>,
}

impl<'request> Question<'request> {
    fn of(origin: &'request str, method: &'request Method, request: &'request HeaderMap) -> Self {
        let asked = text(request, ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default().to_ascii_lowercase();
        let asked = asked.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let method = text(request, ACCESS_CONTROL_REQUEST_METHOD).unwrap_or(method.as_str());
        Self { origin, method, headers: asked.collect() }
    }
}

impl Cors {
    pub(super) fn new(bucket: String, rules: Vec<CorsRule>) -> Self {
        Self { bucket, rules }
    }

    /// Returns the headers of the response to a preflight.
    pub(super) fn preflight(&self, uri: &Uri, request: &HeaderMap) -> Outcome<HeaderMap> {
        let Some(origin) = text(request, ORIGIN) else {
            let message = "Insufficient information. Origin request header needed.";
            return Err(Fault::custom("BadRequest", StatusCode::BAD_REQUEST, message));
        };
        let question = Question::of(origin, &Method::OPTIONS, request);
        let forbidden = |message: &'static str, resource: &'static str| {
            Fault::custom("AccessForbidden", StatusCode::FORBIDDEN, message)
                .detail("Method", question.method)
                .detail("ResourceType", resource)
        };
        if !self.is_of_bucket(uri) {
            return Err(forbidden("CORSResponse: Bucket not found", "BUCKET"));
        }
        if self.rules.is_empty() {
            return Err(forbidden("CORSResponse: CORS is not enabled for this bucket.", "BUCKET"));
        }
        self.allowed(&question).ok_or_else(|| {
            forbidden(
                "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                 request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                 whitelisted by the resource's CORS spec.",
                "OBJECT",
            )
        })
    }

    /// Returns the headers of any other response. They are empty unless a rule admits the `Origin`, and everything else that the
    /// request names as if it were a preflight.
    pub(super) fn actual(&self, method: &Method, uri: &Uri, request: &HeaderMap) -> HeaderMap {
        let origin = text(request, ORIGIN).filter(|_| self.is_of_bucket(uri));
        let question = origin.map(|origin| Question::of(origin, method, request));
        question.and_then(|question| self.allowed(&question)).unwrap_or_default()
    }

    fn allowed(&self, question: &Question<'_>) -> Option<HeaderMap> {
        let rule = self.rules.iter().find(|rule| rule.admits(question))?;
        let mut headers = rule.headers(question.origin);
        insert(&mut headers, ACCESS_CONTROL_ALLOW_HEADERS, &question.headers.join(", "));
        Some(headers)
    }

    fn is_of_bucket(&self, uri: &Uri) -> bool {
        uri.path().trim_start_matches('/').split('/').next() == Some(&self.bucket)
    }
}

impl CorsRule {
    fn admits(&self, question: &Question<'_>) -> bool {
        let allowed: Vec<_> =
            self.allowed_headers.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
        self.allowed_methods.iter().any(|allowed| allowed == question.method)
            && self.allowed_origins.iter().any(|pattern| matches(pattern, question.origin))
            && question.headers.iter().all(|name| allowed.iter().any(|pattern| matches(pattern, name)))
    }

    fn headers(&self, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.allowed_origins.iter().any(|pattern| pattern == "*") {
            insert(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            insert(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            insert(&mut headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        insert(&mut headers, ACCESS_CONTROL_ALLOW_METHODS, &self.allowed_methods.join(", "));
        insert(&mut headers, ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed_headers.join(", "));
        if let Some(seconds) = self.max_age_seconds {
            headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
        insert(&mut headers, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
        headers
    }
}

/// Returns whether a pattern with at most one `*` matches a text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Adds a header, unless it would be empty.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use s3s::S3Error;

    use super::*;

    #[test]
    fn patterns_have_one_star() {
        assert!(matches("*", "https://a.example"));
        assert!(matches("https://*.example", "https://a.example"));
        assert!(!matches("https://*.example", "https://a.example.org"));
        assert!(!matches("https://a.example", "https://b.example"));
        assert!(!matches("ab*ba", "aba"));
    }

    fn cors() -> Cors {
        Cors::new(
            "bucket".to_owned(),
            vec![CorsRule {
                allowed_origins: vec!["https://*.example".to_owned()],
                allowed_methods: vec!["GET".to_owned(), "PUT".to_owned()],
                allowed_headers: vec!["Content-Type".to_owned(), "x-amz-*".to_owned()],
                exposed_headers: vec!["ETag".to_owned()],
                max_age_seconds: Some(60),
            }],
        )
    }

    fn uri() -> Uri {
        Uri::from_static("/bucket/key")
    }

    fn request(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_preflight_is_admitted_by_origin_method_and_headers_together() {
        let asked = [
            ("origin", "https://a.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,X-Amz-Checksum-Sha256"),
        ];
        let response = cors().preflight(&uri(), &request(&asked)).unwrap();
        assert_eq!(response["access-control-allow-origin"], "https://a.example");
        assert_eq!(response["access-control-allow-headers"], "content-type, x-amz-checksum-sha256");
        assert_eq!(response["access-control-max-age"], "60");
        for (index, refused) in ["https://a.example.org", "DELETE", "authorization"].into_iter().enumerate() {
            let mut asked = asked;
            asked[index].1 = refused;
            let error = S3Error::from(cors().preflight(&uri(), &request(&asked)).unwrap_err());
            assert_eq!(error.status_code(), Some(StatusCode::FORBIDDEN), "{refused}");
        }
    }

    #[test]
    fn other_responses_get_headers_only_for_admitted_origins() {
        let actual = |method: Method, pairs: &[_]| cors().actual(&method, &uri(), &request(pairs));
        let origin = ("origin", "https://a.example");
        let headers = actual(Method::GET, &[origin]);
        assert_eq!(headers["access-control-expose-headers"], "ETag");
        assert!(headers.contains_key(VARY));
        assert!(actual(Method::GET, &[("origin", "https://elsewhere")]).is_empty());
        assert!(actual(Method::DELETE, &[origin]).is_empty());
        assert!(actual(Method::GET, &[]).is_empty());
        assert!(!actual(Method::GET, &[origin, ("access-control-request-method", "PUT")]).is_empty());
        for (name, value) in
            [("access-control-request-method", "DELETE"), ("access-control-request-headers", "authorization")]
        {
            assert!(actual(Method::GET, &[origin, (name, value)]).is_empty(), "{name}");
        }
        assert!(cors().actual(&Method::GET, &Uri::from_static("/other/key"), &request(&[origin])).is_empty());
    }
}
