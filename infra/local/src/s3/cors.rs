//! CORS as a bucket does it: preflights are answered without a signature, other answers get headers.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::{S3Error, S3ErrorCode};

use super::CorsRule;

/// The bucket's rules.
pub(super) struct Cors(Vec<CorsRule>);

impl Cors {
    pub(super) fn new(rules: Vec<CorsRule>) -> Self {
        Self(rules)
    }

    /// The headers that answer a preflight.
    pub(super) fn preflight(&self, request: &HeaderMap) -> Result<HeaderMap, S3Error> {
        let Some(origin) = text(request, ORIGIN) else {
            return Err(bad_request("Insufficient information. Origin request header needed."));
        };
        let Some(method) = text(request, ACCESS_CONTROL_REQUEST_METHOD) else {
            return Err(bad_request("Invalid Access-Control-Request-Method: null"));
        };
        if self.0.is_empty() {
            return Err(forbidden("CORSResponse: CORS is not enabled for this bucket."));
        }
        let asked = text(request, ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default().to_ascii_lowercase();
        let asked: Vec<&str> = asked.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let rule = self.0.iter().find(|rule| rule.admits(origin, method) && rule.admits_headers(&asked));
        let Some(rule) = rule else {
            return Err(forbidden(
                "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                 request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                 whitelisted by the resource's CORS spec.",
            ));
        };
        let mut headers = rule.headers(origin);
        insert(&mut headers, ACCESS_CONTROL_ALLOW_HEADERS, &asked.join(", "));
        Ok(headers)
    }

    /// The headers that go with any other answer: none without an `Origin` that a rule admits.
    pub(super) fn actual(&self, method: &str, request: &HeaderMap) -> HeaderMap {
        let rule = text(request, ORIGIN)
            .and_then(|origin| Some((origin, self.0.iter().find(|rule| rule.admits(origin, method))?)));
        rule.map(|(origin, rule)| rule.headers(origin)).unwrap_or_default()
    }
}

impl CorsRule {
    fn admits(&self, origin: &str, method: &str) -> bool {
        self.allowed_methods.iter().any(|allowed| allowed == method)
            && self.allowed_origins.iter().any(|pattern| matches(pattern, origin))
    }

    /// `asked` in small letters.
    fn admits_headers(&self, asked: &[&str]) -> bool {
        let allowed: Vec<_> =
            self.allowed_headers.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
        asked.iter().all(|name| allowed.iter().any(|pattern| matches(pattern, name)))
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

/// Whether a pattern with at most one `*` covers a text.
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

fn bad_request(message: &'static str) -> S3Error {
    custom("BadRequest", StatusCode::BAD_REQUEST, message)
}

fn forbidden(message: &'static str) -> S3Error {
    custom("AccessForbidden", StatusCode::FORBIDDEN, message)
}

fn custom(code: &'static str, status: StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

#[cfg(test)]
mod tests {
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
        Cors::new(vec![CorsRule {
            allowed_origins: vec!["https://*.example".to_owned()],
            allowed_methods: vec!["GET".to_owned(), "PUT".to_owned()],
            allowed_headers: vec!["Content-Type".to_owned(), "x-amz-*".to_owned()],
            exposed_headers: vec!["ETag".to_owned()],
            max_age_seconds: Some(60),
        }])
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
        let answer = cors().preflight(&request(&asked)).unwrap();
        assert_eq!(answer["access-control-allow-origin"], "https://a.example");
        assert_eq!(answer["access-control-allow-headers"], "content-type, x-amz-checksum-sha256");
        assert_eq!(answer["access-control-max-age"], "60");
        for (index, refused) in ["https://a.example.org", "DELETE", "authorization"].into_iter().enumerate() {
            let mut asked = asked;
            asked[index].1 = refused;
            let error = cors().preflight(&request(&asked)).unwrap_err();
            assert_eq!(error.status_code(), Some(StatusCode::FORBIDDEN), "{refused}");
        }
    }

    #[test]
    fn other_answers_get_headers_only_for_admitted_origins() {
        let headers = cors().actual("GET", &request(&[("origin", "https://a.example")]));
        assert_eq!(headers["access-control-expose-headers"], "ETag");
        assert!(headers.contains_key(VARY));
        assert!(cors().actual("GET", &request(&[("origin", "https://elsewhere")])).is_empty());
        assert!(cors().actual("DELETE", &request(&[("origin", "https://a.example")])).is_empty());
        assert!(cors().actual("GET", &HeaderMap::new()).is_empty());
    }
}
