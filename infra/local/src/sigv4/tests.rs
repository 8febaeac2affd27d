use std::time::{Duration as StdDuration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::Request;

use super::*;

const REGION: &str = "us-east-1";
const SERVICE: &str = "sqs";
const BODY: &[u8] = b"{\"QueueUrl\":\"x\"}";

/// Creates a request that is hard to canonicalise: an encoded path, an unsorted query, spaces in a header.
fn request() -> Request<()> {
    Request::post("http://127.0.0.1:1234/000000000000/a%20b/?b=2&a=%7E%2F&a=&c")
        .header("host", "127.0.0.1:1234")
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .header("x-amz-meta-spaces", "  a   b ")
        .body(())
        .expect("a valid request")
}

struct Signer<'a> {
    time: SystemTime,
    region: &'a str,
    service: &'a str,
    key_id: Option<&'a str>,
    secret: Option<&'a str>,
    token: Option<&'a str>,
}

impl Default for Signer<'_> {
    fn default() -> Self {
        Self {
            time: SystemTime::now(),
            region: REGION,
            service: SERVICE,
            key_id: None,
            secret: None,
            token: None,
        }
    }
}

fn identities() -> Identities {
    Identities::new([1; 32])
}

impl Signer<'_> {
    /// Signs with AWS's signer.
    fn sign(&self, mut request: Request<()>) -> Parts {
        let keys = identities().keys("create-item");
        let key_id = self.key_id.unwrap_or(&keys.access_key_id);
        let secret = self.secret.unwrap_or(&keys.secret_access_key);
        let token = self.token.map(str::to_owned).or(keys.session_token);
        let token = token.filter(|token| !token.is_empty());
        let identity = Credentials::new(key_id, secret, token, None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .expect("complete");
        let instructions = {
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().expect("text")));
            let uri = request.uri().to_string();
            let signable =
                SignableRequest::new("POST", uri, headers, SignableBody::Bytes(BODY)).expect("signable");
            sign(signable, &params.into()).expect("signs").into_parts().0
        };
        instructions.apply_to_request_http1x(&mut request);
        request.into_parts().0
    }
}

fn check(parts: &Parts, body: &[u8]) -> Result<String, SignatureError> {
    verify(parts, body, &identities(), SERVICE, REGION)
}

fn code(result: Result<String, SignatureError>) -> &'static str {
    result.expect_err("must be refused").code()
}

#[test]
fn accepts_signatures_of_awss_signer() {
    let parts = Signer::default().sign(request());
    assert_eq!(check(&parts, BODY), Ok("create-item".to_owned()));
}

/// "get-vanilla" of AWS's own test suite for Signature Version 4.
#[test]
fn the_canonical_request_is_that_of_the_test_suite() {
    let request =
        Request::get("/").header("Host", "example.amazonaws.com").header("X-Amz-Date", "20150830T123600Z");
    let parts = request.body(()).expect("a valid request").into_parts().0;
    let canonical = canonical_request(&parts, b"", "host;x-amz-date").expect("complete");
    assert_eq!(
        hex::encode(Sha256::digest(canonical)),
        "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63"
    );
}

#[test]
fn refuses_a_request_that_was_changed_after_it_was_signed() {
    let signed = Signer::default().sign(request());
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = signed.clone();
        change(&mut parts);
        code(check(&parts, BODY))
    };
    let set = |name: &'static str, value: &'static str| {
        move |parts: &mut Parts| drop(parts.headers.insert(name, http::HeaderValue::from_static(value)))
    };
    assert_eq!(code(check(&signed, b"{}")), "InvalidSignatureException");
    assert_eq!(changed(&|parts| parts.method = http::Method::PUT), "InvalidSignatureException");
    assert_eq!(changed(&|parts| parts.uri = http::Uri::from_static("/")), "InvalidSignatureException");
    assert_eq!(changed(&set("host", "example.com")), "InvalidSignatureException");
    assert_eq!(changed(&set("x-amz-target", "AmazonSQS.PurgeQueue")), "InvalidSignatureException");
    assert_eq!(
        changed(&|parts| drop(parts.headers.remove("x-amz-meta-spaces"))),
        "InvalidSignatureException"
    );
    assert_eq!(changed(&set("x-amz-added", "1")), "IncompleteSignatureException");
    assert_eq!(changed(&|parts| drop(parts.headers.remove("x-amz-date"))), "IncompleteSignatureException");
    assert_eq!(
        changed(&|parts| drop(parts.headers.remove("authorization"))),
        "MissingAuthenticationTokenException"
    );
    assert_eq!(changed(&set("authorization", "Basic eDp5")), "IncompleteSignatureException");
    assert_eq!(check(&signed, BODY), Ok("create-item".to_owned()), "the unchanged request is valid");
}

#[test]
fn refuses_other_keys_regions_services_and_times() {
    let refused = |signer: Signer<'_>| code(check(&signer.sign(request()), BODY));
    let wrong = Some("wrong");
    assert_eq!(refused(Signer { secret: wrong, ..Signer::default() }), "InvalidSignatureException");
    assert_eq!(refused(Signer { key_id: wrong, ..Signer::default() }), "UnrecognizedClientException");
    assert_eq!(refused(Signer { region: "eu-west-1", ..Signer::default() }), "InvalidSignatureException");
    assert_eq!(refused(Signer { service: "dynamodb", ..Signer::default() }), "InvalidSignatureException");
    for token in ["", "IQoJb3JpZ2luX2Vjbogus"] {
        let token = Some(token);
        assert_eq!(
            refused(Signer { token, ..Signer::default() }),
            "UnrecognizedClientException",
            "{token:?}"
        );
    }
    let (now, minutes) = (SystemTime::now(), |minutes: u64| StdDuration::from_secs(60 * minutes));
    for time in [now - minutes(16), now + minutes(16)] {
        assert_eq!(refused(Signer { time, ..Signer::default() }), "InvalidSignatureException");
    }
    for time in [now - minutes(14), now + minutes(14)] {
        let parts = Signer { time, ..Signer::default() }.sign(request());
        assert_eq!(check(&parts, BODY), Ok("create-item".to_owned()));
    }
}
