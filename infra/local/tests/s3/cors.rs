//! CORS, as browsers use it.

use reqwest::Method;

use crate::bucket::{BUCKET, Bucket, Response, five_minutes, http, send};

const ORIGIN: &str = "https://app.example";

async fn preflight(bucket: &Bucket, headers: &[(&str, &str)]) -> Response {
    let mut request = http().request(Method::OPTIONS, format!("{}/{BUCKET}/files/o/1", bucket.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Response::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_preflight_needs_no_signature() {
    let bucket = Bucket::start().await;
    let response = preflight(
        &bucket,
        &[
            ("origin", ORIGIN),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,if-none-match"),
        ],
    )
    .await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(response.header("access-control-allow-methods"), "GET, HEAD, PUT");
    assert_eq!(response.header("access-control-allow-headers"), "content-type, if-none-match");
    assert_eq!(response.header("access-control-max-age"), "3600");
    assert!(response.header("vary").contains("Origin"));
    assert!(response.body.is_empty());
}

#[tokio::test]
async fn a_preflight_that_no_rule_admits_is_refused() {
    let bucket = Bucket::start().await;
    let method = ("access-control-request-method", "PUT");
    preflight(&bucket, &[("origin", "https://elsewhere.org"), method])
        .await
        .assert_refused(403, "AccessForbidden");
    let delete = ("access-control-request-method", "DELETE");
    preflight(&bucket, &[("origin", ORIGIN), delete]).await.assert_refused(403, "AccessForbidden");
    preflight(&bucket, &[method]).await.assert_refused(400, "BadRequest");
}

/// Facts of recorded AWS behaviour, as in [`crate::facts_objects`]: VG CORS without a method; LS
/// cors_non_existent_bucket, cors_match_origins.
#[tokio::test]
async fn a_refused_preflight_names_the_resource() {
    let bucket = Bucket::start().await;
    let origin = ("origin", ORIGIN);
    let delete = ("access-control-request-method", "DELETE");
    let of_object = preflight(&bucket, &[origin, delete]).await;
    of_object.assert_error(403, "AccessForbidden", &[("Method", "DELETE"), ("ResourceType", "OBJECT")]);
    preflight(&bucket, &[origin]).await.assert_error(403, "AccessForbidden", &[("ResourceType", "OBJECT")]);
    let url = format!("{}/another-bucket/k", bucket.address);
    let put = ("access-control-request-method", "PUT");
    let elsewhere = crate::raw::send("OPTIONS", &url, &[origin, put], b"").await;
    let details =
        [("Message", "CORSResponse: Bucket not found"), ("ResourceType", "BUCKET"), ("Method", "PUT")];
    elsewhere.assert_error(403, "AccessForbidden", &details);
}

/// LS cors_match_methods, cors_match_headers: S3 honours the headers of a preflight in every request.
#[tokio::test]
async fn any_request_may_have_a_preflights_headers() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let url = bucket.presign("GET", "k", &[]);
    let origin = ("origin", ORIGIN);
    for (asked, allowed) in [
        (&[][..], true),
        (&[("access-control-request-method", "PUT")], true),
        (&[("access-control-request-headers", "x-a, x-b")], true),
        (&[("access-control-request-method", "DELETE")], false),
        (&[("access-control-request-method", "POST"), ("access-control-request-headers", "x-a")], false),
    ] {
        let got = crate::raw::send("GET", &url, &[&[origin][..], asked].concat(), b"").await;
        let expected = if allowed { ORIGIN } else { "" };
        assert_eq!((got.status, got.header("access-control-allow-origin")), (200, expected), "{asked:?}");
        assert_eq!(got.headers.contains_key("vary"), allowed, "{asked:?}");
    }
}

#[tokio::test]
async fn responses_have_cors_headers_errors_too() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    for (key, status) in [("k", 200), ("nothing", 404)] {
        let get = bucket.client("download-file").get_object().bucket(BUCKET).key(key);
        let get = get.presigned(five_minutes()).await.unwrap();
        let from = |origin: &'static str| {
            send(&get, Vec::new(), move |mut request| {
                request.headers_mut().insert("origin", origin.parse().unwrap());
                request
            })
        };
        let response = from(ORIGIN).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (status, ORIGIN));
        assert_eq!(response.header("access-control-expose-headers"), "ETag, Content-Range");
        assert!(response.header("vary").contains("Origin"));
        let response = from("https://elsewhere.org").await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (status, ""));
    }
    let unsigned = http().get(format!("{}/{BUCKET}/k", bucket.address)).header("origin", ORIGIN);
    let response = Response::of(unsigned.send().await.unwrap()).await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (403, ORIGIN));
}
