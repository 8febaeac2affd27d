//! Facts of recorded AWS behaviour: presigned URLs and signatures. Each names its source, as in
//! [`crate::facts_objects`].

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::SignableBody;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};

use crate::bucket::{Bucket, crc64nvme};
use crate::raw::send;

const MINUTE: Duration = Duration::from_secs(60);

/// LS presigned_url_signature_authentication_expired; VG PresignedAuth_expired_request.
#[tokio::test]
async fn an_expired_url_names_its_expiry() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    for (age, life, expires) in [(2 * MINUTE, MINUTE, "60"), (3 * MINUTE / 180, Duration::ZERO, "0")] {
        let url = bucket.presign_at(SystemTime::now() - age, life, "GET", "k", &[]);
        let got = send("GET", &url, &[], b"").await;
        let details = [("Message", "Request has expired"), ("X-Amz-Expires", expires)];
        got.assert_error(403, "AccessDenied", &details);
        let (end, now) = (got.element("Expires").unwrap(), got.element("ServerTime").unwrap());
        assert!(end.ends_with('Z') && end < now, "{end} {now}");
    }
}

/// VG PresignedAuth_*: a future date; LS: the clock of a header.
#[tokio::test]
async fn dates_out_of_range_are_refused() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let ahead = SystemTime::now() + 20 * MINUTE;
    let url = bucket.presign_at(ahead, 5 * MINUTE, "GET", "k", &[]);
    let got = send("GET", &url, &[], b"").await;
    got.assert_error(403, "AccessDenied", &[("Message", "Request is not valid yet")]);
    let near = bucket.presign_at(SystemTime::now() + 10 * MINUTE, 5 * MINUTE, "GET", "k", &[]);
    assert_eq!(send("GET", &near, &[], b"").await.status, 200);
    for time in [SystemTime::now() - 16 * MINUTE, SystemTime::now() + 16 * MINUTE] {
        let got = bucket.signed_as(time, SignableBody::Bytes(b""), "GET", "k", &[], b"").await;
        let details = [
            ("Message", "The difference between the request time and the current time is too large."),
            ("MaxAllowedSkewMilliseconds", "900000"),
        ];
        got.assert_error(403, "RequestTimeTooSkewed", &details);
        assert!(got.element("RequestTime").is_some() && got.element("ServerTime").is_some());
    }
}

/// LS presigned_url_signature_authentication: the details of the error suffice to compute the right signature.
#[tokio::test]
async fn a_wrong_signature_is_explained() {
    let bucket = Bucket::start().await;
    bucket.put("a b/ü+", b"body".as_slice()).await;
    let headers = [("x-amz-meta-a", "some  value")];
    let url = bucket.presign("GET", "a%20b/%C3%BC%2B?response-content-type=text%2Fplain", &headers);
    assert_eq!(send("GET", &url, &headers, b"").await.body, b"body");
    let (rest, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let other = if signature.starts_with('0') { "1" } else { "0" };
    let forged = format!("{rest}X-Amz-Signature={other}{}", &signature[1..]);
    let got = send("GET", &forged, &headers, b"").await;
    let keys = bucket.identities.keys("root");
    let message = "The request signature we calculated does not match the signature you provided. Check your key and \
                   signing method.";
    let provided = format!("{other}{}", &signature[1..]);
    let details = [
        ("Message", message),
        ("AWSAccessKeyId", keys.access_key_id.as_str()),
        ("SignatureProvided", provided.as_str()),
    ];
    got.assert_error(403, "SignatureDoesNotMatch", &details);
    let text = got.element("StringToSign").unwrap();
    let key = generate_signing_key(&keys.secret_access_key, SystemTime::now(), "us-east-1", "s3");
    assert_eq!(
        calculate_signature(key, text.as_bytes()),
        signature,
        "{}",
        got.element("CanonicalRequest").unwrap()
    );
    assert!(got.element("StringToSignBytes").unwrap().starts_with("41 57 53 34 2d"));
    for cut in [&signature[..63], "", "no signature"] {
        let got = send("GET", &format!("{rest}X-Amz-Signature={cut}"), &headers, b"").await;
        got.assert_refused(403, "SignatureDoesNotMatch");
    }
}

/// LS put_presigned_url_with_different_headers, …metadata…, s3_ignored_special_headers,
/// put_url_metadata_with_sig_s3v4.
#[tokio::test]
async fn unsigned_headers_that_matter_are_refused() {
    let bucket = Bucket::start().await;
    let put = bucket.presign("PUT", "k", &[]);
    let hash = "0000000000000000000000000000000000000000000000000000000000000000";
    for (headers, status, unsigned) in [
        (&[("content-type", "video/mp4")][..], 200, ""),
        (&[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], 200, ""),
        (&[("x-amz-content-sha256", hash)], 200, ""),
        (&[("x-amz-meta-a", "1")], 403, "x-amz-meta-a"),
        (&[("x-amz-date", "20260101T000000Z")], 403, "x-amz-date"),
        (&[("x-amz-meta-a", "1"), ("x-amz-user-agent", "b")], 403, "x-amz-meta-a, x-amz-user-agent"),
    ] {
        let got = send("PUT", &put, headers, b"body").await;
        assert_eq!(got.status, status, "{headers:?} {got:?}");
        if status == 403 {
            let details = [
                ("Message", "There were headers present in the request which were not signed"),
                ("HeadersNotSigned", unsigned),
            ];
            got.assert_error(403, "AccessDenied", &details);
        }
    }
    for added in ["&x-id=PutObject", "&x-amz-expires=1000"] {
        let got = send("PUT", &format!("{put}{added}"), &[], b"body").await;
        got.assert_error(403, "SignatureDoesNotMatch", &[]);
    }
}

/// LS pre_signed_url_if_none_match, pre_signed_url_if_match, presigned_url_v4_x_amz_in_qs.
#[tokio::test]
async fn headers_may_be_in_the_signed_query() {
    let bucket = Bucket::start().await;
    let once = bucket.presign("PUT", "k?if-none-match=%2A&x-amz-meta-Name=a%20b", &[]);
    assert_eq!(send("PUT", &once, &[], b"body").await.status, 200);
    let again = send("PUT", &once, &[], b"other").await;
    again.assert_error(412, "PreconditionFailed", &[("Condition", "If-None-Match")]);
    let head = bucket.signed("HEAD", "k", &[], b"").await;
    assert_eq!(head.header("x-amz-meta-name"), "a b");
    let tag = head.header("etag").trim_matches('"').to_owned();
    let replace = bucket.presign("PUT", &format!("k?If-Match={tag}"), &[]);
    assert_eq!(send("PUT", &replace, &[], b"next").await.status, 200);
    let again = send("PUT", &replace, &[], b"last").await;
    again.assert_error(412, "PreconditionFailed", &[("Condition", "If-Match")]);
    assert_eq!(bucket.get("k").await.unwrap(), b"next");
    // An SDK signs this for a body that it does not have.
    let sdk = bucket.presign(
        "PUT",
        "k?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject",
        &[],
    );
    let put = send("PUT", &sdk, &[], b"body").await;
    assert_eq!((put.status, put.header("x-amz-checksum-crc64nvme")), (200, crc64nvme(b"body").as_str()));
}

/// Returns the URL without one of its parameters, or with another value.
fn changed(url: &str, name: &str, value: Option<&str>) -> String {
    let (address, query) = url.split_once('?').unwrap();
    let pairs = query.split('&').filter_map(|pair| match (pair.split_once('='), value) {
        (Some((found, _)), None) if found == name => None,
        (Some((found, _)), Some(value)) if found == name => Some(format!("{name}={value}")),
        _ => Some(pair.to_owned()),
    });
    format!("{address}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// LS put_presigned_url_missing_sig_param, presigned_double_encoded_credentials; VG PresignedAuth_*.
#[tokio::test]
async fn missing_and_wrong_parameters_are_refused() {
    let bucket = Bucket::start().await;
    let url = bucket.presign("PUT", "k", &[]);
    let missing = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                   X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    let scope = |text: &str| format!("LOCALROOT%2F{text}");
    let (region, service, end) = (
        scope("20260101%2Feu-west-1%2Fs3%2Faws4_request"),
        scope("20260101%2Fus-east-1%2Fec2%2Faws4_request"),
        scope("20260101%2Fus-east-1%2Fs3%2Faws5"),
    );
    let encoded = scope("20260101%252Fus-east-1%252Fs3%252Faws4_request");
    for (name, value, message) in [
        ("X-Amz-Algorithm", None, missing),
        ("X-Amz-Credential", None, missing),
        ("X-Amz-Signature", None, missing),
        ("X-Amz-Date", None, missing),
        ("X-Amz-SignedHeaders", None, missing),
        ("X-Amz-Expires", None, missing),
        (
            "X-Amz-Expires",
            Some("604801"),
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
        ("X-Amz-Expires", Some("-1"), "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires", Some("abc"), "X-Amz-Expires should be a number"),
        (
            "X-Amz-Date",
            Some("2026"),
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        ),
        (
            "X-Amz-Algorithm",
            Some("AWS4-SHA256"),
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"",
        ),
        (
            "X-Amz-Credential",
            Some(&encoded),
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ),
        (
            "X-Amz-Credential",
            Some(&region),
            "Error parsing the X-Amz-Credential parameter; the region 'eu-west-1' is wrong; expecting 'us-east-1'",
        ),
        (
            "X-Amz-Credential",
            Some(&service),
            "Error parsing the X-Amz-Credential parameter; incorrect service \"ec2\". This endpoint belongs to \"s3\".",
        ),
        (
            "X-Amz-Credential",
            Some(&end),
            "Error parsing the X-Amz-Credential parameter; incorrect terminal \"aws5\". This endpoint uses \"aws4_request\".",
        ),
    ] {
        let got = send("PUT", &changed(&url, name, value), &[], b"body").await;
        let text = String::from_utf8_lossy(&got.body).into_owned();
        if name == "X-Amz-Date" && value.is_some() {
            // The credential's date differs as well, and either may be named first.
            got.assert_refused(400, "AuthorizationQueryParametersError");
            continue;
        }
        got.assert_error(400, "AuthorizationQueryParametersError", &[("Message", message)]);
        assert!(!text.is_empty());
    }
    assert_eq!(bucket.files(), (0, 0));
}

/// LS get_response_overrides_unicode, and the six overrides.
#[tokio::test]
async fn overrides_are_in_iso_8859_1() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let latin = bucket.presign(
        "GET",
        "k?response-content-disposition=attachment%3B%20filename%3D%22caf%C3%A9%22",
        &[],
    );
    let got = send("GET", &latin, &[], b"").await;
    assert_eq!(got.headers["content-disposition"].as_bytes(), b"attachment; filename=\"caf\xE9\"");
    for name in ["content-disposition", "content-language", "cache-control"] {
        for method in ["GET", "HEAD"] {
            let url = bucket.presign(method, &format!("k?response-{name}=%E2%82%AC"), &[]);
            let got = send(method, &url, &[], b"").await;
            assert_eq!(got.status, 400, "{method} {name}");
            if method == "GET" {
                let argument = format!("response-{name}");
                let details = [
                    ("Message", "Header value cannot be represented using ISO-8859-1."),
                    ("ArgumentName", argument.as_str()),
                    ("ArgumentValue", "€"),
                ];
                got.assert_error(400, "InvalidArgument", &details);
            }
        }
    }
}
