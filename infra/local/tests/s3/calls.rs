//! Every call is counted under its caller and AWS's name of the operation.

use aws_sdk_s3::config::Credentials;
use serde_json::json;

use crate::bucket::{BUCKET, Bucket, five_minutes, http, send};

#[tokio::test]
async fn calls_are_counted_by_caller_and_operation() {
    let bucket = Bucket::start().await;
    let importer = bucket.client("import-item");
    let upload = importer.create_multipart_upload().bucket(BUCKET).key("k").send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = importer.upload_part().bucket(BUCKET).key("k").upload_id(id).part_number(0);
    part.send().await.unwrap_err();
    importer.list_parts().bucket(BUCKET).key("k").upload_id(id).send().await.unwrap();
    importer.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id).send().await.unwrap_err();
    importer.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(id).send().await.unwrap();

    let put = bucket.client("create-item").put_object().bucket(BUCKET).key("k");
    let put = put.presigned(five_minutes()).await.unwrap();
    assert_eq!(send(&put, b"body".to_vec(), |request| request).await.status, 200);

    let probe = bucket.client("probe-item");
    probe.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    for range in ["bytes=0-1", "bytes=2-3"] {
        probe.get_object().bucket(BUCKET).key("k").range(range).send().await.unwrap();
    }
    let sweep = bucket.client("sweep");
    sweep.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    sweep.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    sweep.head_bucket().bucket(BUCKET).send().await.unwrap();
    sweep.copy_object().bucket(BUCKET).copy_source(format!("{BUCKET}/k")).key("l").send().await.unwrap();
    sweep.delete_object().bucket(BUCKET).key("k").send().await.unwrap();

    http().get(format!("{}/{BUCKET}/k", bucket.address)).send().await.unwrap();
    let stranger = bucket.client_with(Credentials::new("AKIA", "secret", None, None, "test"), "us-east-1");
    stranger.get_object().bucket(BUCKET).key("k").send().await.unwrap_err();

    let expected = json!({
        "create-item": {"s3": {"PutObject": 1}},
        "import-item": {"s3": {"CreateMultipartUpload": 1, "UploadPart": 1, "ListParts": 1,
            "CompleteMultipartUpload": 1, "AbortMultipartUpload": 1}},
        "probe-item": {"s3": {"HeadObject": 1, "GetObject": 2}},
        "sweep": {"s3": {"ListObjectsV2": 1, "ListMultipartUploads": 1, "HeadBucket": 1, "CopyObject": 1,
            "DeleteObject": 1}},
        "unknown": {"s3": {"GetObject": 2}},
    });
    assert_eq!(bucket.calls.to_json(), expected);
}
