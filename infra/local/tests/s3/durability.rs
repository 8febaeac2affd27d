//! Durability: what survives a restart, a crash or a broken connection.

use std::time::Duration;

use aws_sdk_s3::types::ChecksumMode;
use files_local::s3::{S3, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::bucket::{BUCKET, Bucket, five_minutes, noise, sha256};
use crate::multipart::{MIN_PART, begin, part, parts};

#[tokio::test]
async fn a_restart_keeps_everything() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let (single, first) = (noise(700_000, 1), noise(MIN_PART, 2));
    let put = client.put_object().bucket(BUCKET).key("single").content_type("audio/mpeg").metadata("a", "b");
    put.checksum_sha256(sha256(&single)).body(single.clone().into()).send().await.unwrap();
    let complete_id = begin(&client, "whole").await;
    let done = [
        part(&client, "whole", &complete_id, 1, &first).await,
        part(&client, "whole", &complete_id, 2, b"end").await,
    ];
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("whole").upload_id(&complete_id);
    let etag = complete.multipart_upload(parts(done.clone())).send().await.unwrap().e_tag.unwrap();
    let open_id = begin(&client, "open").await;
    let open_part = part(&client, "open", &open_id, 1, b"part").await;
    let events = bucket.s3.pending_events(10).unwrap();
    let files = bucket.files();
    drop(client);

    let bucket = bucket.restart().await;
    let client = bucket.client("root");
    assert_eq!((bucket.s3.pending_events(10).unwrap(), bucket.files()), (events, files));
    let head = client.head_object().bucket(BUCKET).key("single").checksum_mode(ChecksumMode::Enabled);
    let head = head.send().await.unwrap();
    assert_eq!(
        (head.content_type(), head.checksum_sha256()),
        (Some("audio/mpeg"), Some(sha256(&single).as_str()))
    );
    assert_eq!(head.metadata().unwrap()["a"], "b");
    assert!(bucket.get("single").await.unwrap() == single);
    assert!(bucket.get("whole").await.unwrap() == [first, b"end".to_vec()].concat());
    let again = client.complete_multipart_upload().bucket(BUCKET).key("whole").upload_id(&complete_id);
    assert_eq!(again.multipart_upload(parts(done)).send().await.unwrap().e_tag.unwrap(), etag);
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("open").upload_id(&open_id);
    complete.multipart_upload(parts([open_part])).send().await.unwrap();
    assert_eq!(bucket.get("open").await.unwrap(), b"part");
}

#[tokio::test]
async fn incomplete_writes_of_a_crash_are_removed() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let bucket = bucket
        .restart_after(|folder| {
            std::fs::write(folder.join("staged").join("half"), b"ha").unwrap();
            std::fs::write(folder.join("objects").join("never-indexed"), b"lost").unwrap();
        })
        .await;
    assert_eq!((bucket.files(), bucket.get("k").await.unwrap()), ((0, 1), b"body".to_vec()));
}

#[tokio::test]
async fn an_interrupted_body_leaves_nothing() {
    let bucket = Bucket::start().await;
    let put = bucket.client("create-item").put_object().bucket(BUCKET).key("k").content_length(4_000_000);
    let put = put.presigned(five_minutes()).await.unwrap();
    let address = bucket.address.strip_prefix("http://").unwrap();
    let path = put.uri().strip_prefix(&bucket.address).unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 4000000\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&noise(2_500_000, 1)).await.unwrap();
    bucket.wait_for_files((1, 0)).await;
    drop(connection);
    bucket.wait_for_files((0, 0)).await;
    assert_eq!((bucket.get("k").await, bucket.s3.pending_events(10).unwrap()), (None, Vec::new()));
}

#[tokio::test]
async fn a_client_that_waits_for_continue_is_refused_before_it_sends() {
    let bucket = Bucket::start().await;
    let address = bucket.address.strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /{BUCKET}/k HTTP/1.1\r\nHost: {address}\r\nContent-Length: 4000000\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 12];
    connection.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 403");
}

#[tokio::test]
async fn events_wait_in_order_until_they_are_finished() {
    let bucket = Bucket::start().await;
    let changed = bucket.s3.events_changed();
    bucket.put("files/a b", b"one".as_slice()).await;
    // The notification came before anyone waited, and is not lost.
    tokio::time::timeout(Duration::from_secs(5), changed.notified()).await.unwrap();
    bucket.put("files/a b", b"three".as_slice()).await;
    let events = bucket.s3.pending_events(10).unwrap();
    assert_eq!(bucket.s3.pending_events(1).unwrap(), events[..1]);
    let [first, second] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (first.key.as_str(), first.size, first.event_name.as_str()),
        ("files/a b", 3, "ObjectCreated:Put")
    );
    assert_eq!(second.size, 5);
    assert!(first.sequencer < second.sequencer && first.id < second.id && first.time <= second.time);
    bucket.s3.finish_event(first.id).unwrap();
    bucket.s3.finish_event(first.id).unwrap();
    assert_eq!(bucket.s3.pending_events(10).unwrap(), events[1..]);
}

#[tokio::test]
async fn a_second_process_cannot_open_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data: folder.path().join("s3"),
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        cors: Vec::new(),
        identities: files_local::identity::Identities::new([0; 32]),
        policies: files_local::iam::Policies::open(),
        calls: std::sync::Arc::default(),
    };
    let first = S3::open(settings()).unwrap();
    let second = tokio::task::spawn_blocking({
        let settings = settings();
        move || S3::open(settings).is_err()
    });
    assert!(second.await.unwrap());
    drop(first);
    S3::open(settings()).unwrap();
}
