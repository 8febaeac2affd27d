//! Requests that create a file: forms and JSON.

use bytes::Bytes;
use files_api::{ApiError, CreateRequest, CreateSource, Lifetime};
use files_domain::{Timestamp, limits};
use futures_util::TryStreamExt;
use lambda_http::Body;
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::nearly::{long, nearly_bytes};

const FORM: &str = "multipart/form-data; boundary=xYzZY";

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--xYzZY\r\nContent-Disposition: form-data; {head}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn forms() -> Vec<String> {
    let file = part("name=\"file\"; filename=\"a.mp4\"\r\nContent-Type: video/mp4", b"0123456789");
    let forms = [
        vec![file.clone()],
        vec![file.clone(), part("name=\"metadata\"", br#"{"a":"b"}"#)],
        vec![part("name=\"file_url\"", b"https://example.com/a.mp4")],
        vec![
            part("name=\"file_url\"", b"https://a.example/"),
            part("name=\"headers\"", br#"{"Cookie":"a=b"}"#),
        ],
        vec![part("name=\"expires_in\"", b"60"), file.clone(), part("name=\"checksum_sha256\"", &[b'a'; 64])],
        vec![part("name=\"expires_at\"", b"1970-01-02T00:00:00Z"), file.clone()],
        vec![part("name=file; filename*=utf-8''%c3%bc.mp4", b"--xYzZ\r\n--")],
        vec![part("name=\"file\"; filename=\"\"", b""), file],
    ];
    forms.into_iter().map(|parts| String::from_utf8(parts.concat()).unwrap() + "--xYzZY--\r\n").collect()
}

fn bodies() -> Vec<String> {
    let sha256 = "a".repeat(64);
    vec![
        r#"{"name":"a.mp4","size":7,"content_type":"video/mp4","metadata":{"a":"b"}}"#.to_owned(),
        r#"{"file_url":"https://example.com/a","expires_in":60,"webhook":null}"#.to_owned(),
        r#"{"file_url":"https://example.com/a","headers":{"Cookie":"a=b","X-Key":"c"}}"#.to_owned(),
        r#"{"name":"a","size":5000000000,"multipart":true}"#.to_owned(),
        format!(r#"{{"name":"a","size":1,"checksum_sha256":"{sha256}"}}"#),
    ]
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
}

fn read(content_type: &str, body: Vec<u8>) -> Result<CreateRequest, ApiError> {
    let request = http::Request::builder().header("content-type", content_type);
    let request = request.body(Body::Binary(body)).unwrap();
    CreateRequest::read(request, Timestamp::EPOCH)
}

/// Reads the file's bytes from the form again, as for S3.
fn bytes_of(source: &CreateSource) -> Option<Vec<u8>> {
    let CreateSource::Bytes(file) = source else { return None };
    let pieces = file.bytes().try_collect::<Vec<Bytes>>();
    Some(RUNTIME.with(|runtime| runtime.block_on(pieces)).expect("it was readable before").concat())
}

/// Asserts that an accepted request is valid, and that a refusal is a client error.
fn assert_sound(read: Result<CreateRequest, ApiError>, length: usize) {
    let request = match read {
        Ok(request) => request,
        Err(error) => return assert!(error.reason().status().is_client_error(), "{error:?}"),
    };
    if let (CreateSource::Bytes(file), Some(bytes)) = (&request.source, bytes_of(&request.source)) {
        assert!(bytes.len() < length, "{} bytes in {length}", bytes.len());
        assert_eq!((file.size, &file.sha256), (bytes.len() as u64, &hex::encode(Sha256::digest(&bytes))));
    }
    if let Lifetime::For(time) = request.lifetime {
        assert!(!time.is_zero() && time <= limits::MAX_EXPIRES_IN);
    }
    assert!(request.checksum_sha256.is_none_or(|digest| digest.len() == 64));
}

proptest! {
    #![proptest_config(long())]

    #[test]
    fn a_form_is_read_or_refused(body in nearly_bytes(forms())) {
        let length = body.len();
        assert_sound(read(FORM, body), length);
    }

    #[test]
    fn a_boundary_is_read_or_refused(boundary in "(; ?boundary=)?[\"-~ ]{0,80}", body in nearly_bytes(forms())) {
        let length = body.len();
        assert_sound(read(&format!("multipart/form-data{boundary}"), body), length);
    }

    #[test]
    fn the_bytes_of_a_form_are_those_that_were_sent(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n-xYzZ".to_vec())], 0..200),
        name in "[a-zA-Z0-9 ._äß-]{1,40}",
    ) {
        prop_assume!(!bytes.windows(7).any(|window| window == b"--xYzZY"));
        let head = format!("name=\"file\"; filename=\"{name}\"");
        let body = [part(&head, &bytes), b"--xYzZY--\r\n".to_vec()].concat();
        let request = read(FORM, body).unwrap();
        prop_assert_eq!(bytes_of(&request.source), Some(bytes));
        let CreateSource::Bytes(file) = request.source else { unreachable!("it has bytes") };
        prop_assert_eq!(file.file_name, Some(name));
    }

    #[test]
    fn json_is_read_or_refused(body in nearly_bytes(bodies())) {
        let length = body.len();
        assert_sound(read("application/json", body), length);
    }

    #[test]
    fn a_size_is_taken_as_it_is_or_refused(size: i128, by_parts: bool) {
        for size in [size, size >> 64, size >> 100] {
            let body = json!({"name": "a", "size": 0, "multipart": by_parts}).to_string();
            let body = body.replace(":0", &format!(":{size}"));
            match read("application/json", body.into_bytes()).map(|request| request.source) {
                Ok(CreateSource::Presigned { size: taken, multipart, .. }) => {
                    prop_assert_eq!((i128::from(taken), multipart), (size, by_parts));
                }
                Ok(other) => prop_assert!(false, "{other:?}"),
                Err(error) => prop_assert!(u64::try_from(size).is_err(), "{size}: {error:?}"),
            }
        }
    }
}
