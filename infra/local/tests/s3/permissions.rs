//! A function may do what its policy allows; other calls are refused with S3's errors.

use aws_sdk_s3::Client;
use files_local::iam::Policies;
use files_local::template::{Surroundings, load};

use aws_sdk_s3::types::ChecksumAlgorithm;

use crate::bucket::{BUCKET, Bucket, code, five_minutes, send};

/// Starts a bucket with the callers `worker`, which has these statements, and `lister`, which may also list the bucket.
async fn bucket() -> Bucket {
    let objects =
        "{Effect: Allow, Action: [s3:GetObject, s3:PutObject], Resource: 'arn:aws:s3:::BUCKET/files/*'}";
    let list = "{Effect: Allow, Action: s3:ListBucket, Resource: 'arn:aws:s3:::BUCKET'}";
    let function = |name: &str, statements: &str| {
        format!(
            "  {name}: {{Type: 'AWS::Serverless::Function', Properties: {{CodeUri: f/{name}, Policies: [{{Statement: [{statements}]}}]}}}}\n"
        )
    };
    let functions = function("worker", objects)
        + &function("lister", &format!("{objects}, {list}"))
        + &function("idle", "");
    let template = format!("Resources:\n{}", functions.replace("BUCKET", BUCKET));
    let model = load(&template, &Surroundings::default()).unwrap();
    let bucket = Bucket::start_with(Policies::of(model.principals())).await;
    for key in ["files/a", "probes/a"] {
        bucket.put(key, b"body".as_slice()).await;
    }
    bucket
}

async fn get(client: &Client, key: &str) -> String {
    let get = client.get_object().bucket(BUCKET).key(key).send().await;
    get.map_or_else(|error| code(&error).to_owned(), |_| "OK".to_owned())
}

#[tokio::test]
async fn reads_need_the_policys_permission() {
    let bucket = bucket().await;
    for (caller, key, expected) in [
        ("worker", "files/a", "OK"),
        ("worker", "probes/a", "AccessDenied"),
        ("worker", "files/b", "AccessDenied"), // without the permission to list, a missing object looks forbidden
        ("lister", "files/b", "NoSuchKey"),
        ("lister", "probes/b", "AccessDenied"),
        ("idle", "files/a", "AccessDenied"),
        ("nobody", "files/a", "AccessDenied"),
        ("root", "probes/a", "OK"),
    ] {
        assert_eq!(get(&bucket.client(caller), key).await, expected, "{caller} {key}");
    }
    let head = |caller: &str, key: &str| bucket.client(caller).head_object().bucket(BUCKET).key(key).send();
    for (caller, key, expected) in
        [("worker", "probes/a", 403), ("worker", "files/b", 403), ("lister", "files/b", 404)]
    {
        let error = head(caller, key).await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), expected, "{caller} {key}");
    }
    head("worker", "files/a").await.unwrap();
}

#[tokio::test]
async fn writes_need_the_policys_permission() {
    let bucket = bucket().await;
    let worker = bucket.client("worker");
    let denied = worker.delete_object().bucket(BUCKET).key("files/a").send().await.unwrap_err();
    assert_eq!((code(&denied), denied.raw_response().unwrap().status().as_u16()), ("AccessDenied", 403));
    let message = denied.into_service_error().to_string();
    let denied = worker.list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(code(&denied), "AccessDenied", "{message}");

    let create = worker.create_multipart_upload().bucket(BUCKET).key("files/b");
    let upload = create.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = worker.upload_part().bucket(BUCKET).key("files/b").upload_id(id).part_number(1);
    part.body(b"part".to_vec().into()).send().await.unwrap();
    let parts = worker.list_parts().bucket(BUCKET).key("files/b").upload_id(id).send().await.unwrap_err();
    assert_eq!(code(&parts), "AccessDenied");
    let abort = worker.abort_multipart_upload().bucket(BUCKET).key("files/b").upload_id(id).send();
    assert_eq!(code(&abort.await.unwrap_err()), "AccessDenied");

    let copy = |from: &str, to: &str| {
        worker.copy_object().bucket(BUCKET).copy_source(format!("{BUCKET}/{from}")).key(to).send()
    };
    copy("files/a", "files/c").await.unwrap();
    assert_eq!(code(&copy("probes/a", "files/c").await.unwrap_err()), "AccessDenied");
    assert_eq!(code(&copy("files/a", "probes/c").await.unwrap_err()), "AccessDenied");
    assert_eq!(bucket.get("probes/c").await, None);
    bucket.get("files/a").await.unwrap();
}

#[tokio::test]
async fn a_presigned_url_is_authorized_when_it_is_used() {
    let bucket = bucket().await;
    let idle = bucket.client("idle").put_object().bucket(BUCKET).key("files/a");
    let idle = idle.presigned(five_minutes()).await.unwrap();
    let refused = send(&idle, b"other".to_vec(), |request| request).await;
    refused.assert_refused(403, "AccessDenied");
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    let expected = "assumed-role/files-local-idleRole/files-local-idle is not authorized to perform: s3:PutObject on \
                    resource: arn:aws:s3:::";
    assert!(text.contains(expected) && text.contains("no identity-based policy"), "{text}");
    assert_eq!(bucket.get("files/a").await.unwrap(), b"body");

    let worker = bucket.client("worker").put_object().bucket(BUCKET).key("files/a");
    let worker = worker.presigned(five_minutes()).await.unwrap();
    assert_eq!(send(&worker, b"other".to_vec(), |request| request).await.status, 200);
    // The error of a wrong signature differs from that of a missing permission.
    let forged = send(&idle, Vec::new(), |mut request| {
        let url = request.url().as_str().replace("X-Amz-Expires=300", "X-Amz-Expires=301");
        *request.url_mut() = url.parse().unwrap();
        request
    });
    forged.await.assert_refused(403, "SignatureDoesNotMatch");
}
