//! Benchmark of an import: 2 GiB from a source on this machine, through the real binaries. Memory is the kernel's high-water
//! mark of the function's process. Fails if a budget is exceeded.
//!
//! `make bench`, or with another size: `IMPORT_BYTES=268435456 make bench`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, header};
use axum::routing::get;
use bytes::Bytes;
use files_tests::cloud::children;
use files_tests::{Cloud, memory};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tokio::net::TcpListener;

const CHUNK: usize = 256 * 1024;
const PART_BYTES: u64 = 16 * 1024 * 1024;
const MAX_MEMORY_KB: u64 = 96 * 1024;

fn size() -> u64 {
    std::env::var("IMPORT_BYTES")
        .ok()
        .map_or(2 * 1024 * 1024 * 1024, |text| text.parse().expect("a number of bytes"))
}

/// Streams bytes that need little memory: one chunk is repeated.
async fn endless(size: u64) -> Response<Body> {
    let chunk = Bytes::from(vec![0x5a; CHUNK]);
    let body = stream::unfold(size, move |left| {
        let next = chunk.slice(..chunk.len().min(usize::try_from(left).unwrap_or(CHUNK)));
        async move { (left > 0).then(|| (next.clone(), left - next.len() as u64)) }
    });
    let body = Body::from_stream(body.map(Ok::<_, std::io::Error>));
    Response::builder().header(header::CONTENT_LENGTH, size).body(body).expect("a response")
}

fn count(calls: &Value, service: &str, operation: &str) -> u64 {
    calls[service][operation].as_u64().unwrap_or(0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let size = size();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let source = format!("http://{}/source.bin", listener.local_addr().expect("an address"));
    let app = Router::new().route("/source.bin", get(move || endless(size)));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let started = Instant::now();
    let file = owner.import(&source).await;
    let end = owner.wait_until_terminal(&file).await;
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(end["status"], "success", "{end}");
    assert_eq!(end["size"].as_u64(), Some(size));

    let process =
        children(cloud.process()).into_iter().find(|(_, name)| name == "import-file").expect("import-file");
    let memory = memory::peak_kb(process.0).expect("the function is running");
    let calls = cloud.calls("import-file").await;
    let parts = size.div_ceil(PART_BYTES);
    let progress = count(&calls, "dynamodb", "UpdateItem") - 1;

    println!("import of {size} bytes in {seconds:.1} s ({:.0} MB/s)", size as f64 / seconds / 1e6);
    println!("| figure                         | measured | budget |");
    println!("| ------------------------------ | -------: | -----: |");
    println!("| memory of import-file, KB      | {memory:>8} | {MAX_MEMORY_KB:>6} |");
    println!("| S3 calls                       | {:>8} | {:>6} |", s3_calls(&calls), parts + 2);
    println!(
        "| progress writes                | {progress:>8} | {:>6} |",
        2 + started.elapsed().as_secs() / 2
    );
    assert!(memory <= MAX_MEMORY_KB, "too much memory");
    assert!(s3_calls(&calls) <= parts + 2, "too many calls of S3: {calls}");
    assert!(progress as f64 <= 2.0 + seconds / 2.0, "too many progress writes: {calls}");
}

fn s3_calls(calls: &Value) -> u64 {
    calls["s3"].as_object().map_or(0, |operations| operations.values().filter_map(Value::as_u64).sum())
}
