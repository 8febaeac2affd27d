//! Credentials: which keys and which forms are accepted.

use std::time::SystemTime;

use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use crate::bucket::{BUCKET, Bucket, Response, code, five_minutes, http, send};

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let address = format!("{}/{BUCKET}/k", bucket.address);
    let get = Response::of(http().get(&address).send().await.unwrap()).await;
    get.assert_refused(403, "AccessDenied");
    let put = Response::of(http().put(&address).body(vec![0; 4_000_000]).send().await.unwrap()).await;
    put.assert_refused(403, "AccessDenied");
    let overridden = format!("{address}?response-content-type=text%2Fhtml");
    Response::of(http().get(&overridden).send().await.unwrap()).await.assert_refused(403, "AccessDenied");
}

#[tokio::test]
async fn two_mechanisms_at_once_are_refused() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let get =
        bucket.client("root").get_object().bucket(BUCKET).key("k").presigned(five_minutes()).await.unwrap();
    let response = send(&get, Vec::new(), |mut request| {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer fm_00"));
        request
    })
    .await;
    response.assert_refused(400, "InvalidArgument");
    assert!(String::from_utf8_lossy(&response.body).contains("Only one auth mechanism allowed"));
}

#[tokio::test]
async fn unknown_or_wrong_keys_are_refused() {
    let bucket = Bucket::start().await;
    let keys = bucket.identities.keys("root");
    let with = |id: &str, secret: &str, region| {
        let credentials = Credentials::new(id, secret, None, None, "test");
        bucket.client_with(credentials, region).head_bucket().bucket(BUCKET)
    };
    with(&keys.access_key_id, &keys.secret_access_key, "us-east-1").send().await.unwrap();
    let get = |id: &str, secret: &str, region| {
        let credentials = Credentials::new(id, secret, None, None, "test");
        bucket.client_with(credentials, region).get_object().bucket(BUCKET).key("k")
    };
    let unknown = get("AKIAIOSFODNN7EXAMPLE", "secret", "us-east-1").send().await.unwrap_err();
    assert_eq!(code(&unknown), "InvalidAccessKeyId");
    let respelled = format!("LOCAL{}", keys.access_key_id.trim_start_matches("LOCAL").to_ascii_lowercase());
    let respelled = get(&respelled, &keys.secret_access_key, "us-east-1").send().await.unwrap_err();
    assert_eq!(code(&respelled), "InvalidAccessKeyId");
    let wrong = get(&keys.access_key_id, "wrong", "us-east-1").send().await.unwrap_err();
    assert_eq!(code(&wrong), "SignatureDoesNotMatch");
    let elsewhere = get(&keys.access_key_id, &keys.secret_access_key, "eu-west-1").send().await.unwrap_err();
    assert_eq!(code(&elsewhere), "AuthorizationHeaderMalformed");
}

/// Documented: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (InvalidToken).
#[tokio::test]
async fn temporary_keys_need_their_session_token() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let own = bucket.identities.keys("get-item");
    let root = bucket.identities.keys("root");
    let other = bucket.identities.keys("sweep").session_token;
    let bogus = Some("bogus".to_owned());
    for (keys, token, expected) in [
        (&own, own.session_token.clone(), (200, "")),
        (&own, None, (403, "InvalidAccessKeyId")),
        (&own, bogus.clone(), (400, "InvalidToken")),
        (&own, other, (400, "InvalidToken")),
        (&root, None, (200, "")),
        (&root, bogus, (400, "InvalidToken")),
    ] {
        let credentials =
            Credentials::new(&keys.access_key_id, &keys.secret_access_key, token.clone(), None, "test");
        let get = bucket.client_with(credentials, "us-east-1").get_object().bucket(BUCKET).key("k");
        let presigned = get.clone().presigned(five_minutes()).await.unwrap();
        assert_eq!(presigned.uri().contains("X-Amz-Security-Token="), token.is_some());
        let response = send(&presigned, Vec::new(), |request| request).await;
        assert_eq!((response.status, response.code().as_str()), expected, "presigned: {token:?}");
        let signed = get.send().await.map(drop);
        let code_of_signed = signed.map_err(|error| code(&error).to_owned()).err().unwrap_or_default();
        assert_eq!(code_of_signed, expected.1, "signed: {token:?}");
    }
}

/// Sends a PUT whose body differs from the signed one.
async fn put_signed(bucket: &Bucket, signed: &[u8], sent: &[u8]) -> Response {
    let keys = bucket.identities.keys("root");
    let identity = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("s3");
    let params = params.time(SystemTime::now()).settings(settings).build().unwrap().into();
    let url = format!("{}/{BUCKET}/k", bucket.address);
    let request = SignableRequest::new("PUT", &url, std::iter::empty(), SignableBody::Bytes(signed)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let put = http().put(&url).body(sent.to_vec());
    let put = instructions.headers().fold(put, |put, (name, value)| put.header(name, value));
    Response::of(put.send().await.unwrap()).await
}

#[tokio::test]
async fn the_hash_of_a_body_is_part_of_its_signature() {
    let bucket = Bucket::start().await;
    assert_eq!(put_signed(&bucket, b"signed", b"signed").await.status, 200);
    let forged = put_signed(&bucket, b"signed", b"forged").await;
    forged.assert_refused(400, "XAmzContentSHA256Mismatch");
    assert_eq!((bucket.get("k").await.unwrap(), bucket.files()), (b"signed".to_vec(), (0, 1)));
}
