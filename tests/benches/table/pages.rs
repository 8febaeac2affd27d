//! Pages of 100 files of a short and of a long list: the first and the deepest page.

use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use files_domain::FileId;
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, media};
use futures_util::stream::{self, StreamExt};

use crate::stats::Times;

const SHORT: usize = 1_000;
/// Maximum ratio of a page to the first page of the short list.
const MAX_RATIO: f64 = 1.2;
const BATCH: usize = 25;

pub(crate) async fn measure(rounds: usize, long: usize) -> Vec<String> {
    let cloud = Cloud::start().await;
    let (few, many) = (filled(&cloud, SHORT).await, filled(&cloud, long).await);
    let deepest = deepest_cursor(&many, long).await;
    let pages = [
        (format!("first of {SHORT}"), &few, String::new()),
        (format!("first of {long}"), &many, String::new()),
        (format!("deepest of {long}"), &many, format!("&cursor={deepest}")),
    ];
    let mut times: Vec<_> = pages.iter().map(|_| Times::default()).collect();
    for round in 0..=rounds * 2 {
        for ((_, owner, cursor), times) in pages.iter().zip(&mut times) {
            let started = Instant::now();
            let page = owner.list(&format!("?limit=100{cursor}")).await;
            // The first requests start the function, and are not counted.
            if round > 0 {
                times.add(started.elapsed());
            }
            assert_eq!(page["files"].as_array().map(Vec::len), Some(100));
        }
    }
    let first = times[0].median();
    println!("\n| page of 100 | median, ms | 9 of 10, ms | of the first of {SHORT} |");
    println!("| --- | ---: | ---: | ---: |");
    for ((page, ..), times) in pages.iter().zip(&times) {
        println!("| {page} | {:.1} | {:.1} | {:.2} |", times.median(), times.slow(), times.median() / first);
    }
    let over = pages.iter().zip(&times).filter(|(_, times)| times.median() > first * MAX_RATIO);
    over.map(|((page, ..), times)| format!("{page} takes {:.1} ms, not {first:.1} ms", times.median()))
        .collect()
}

/// Creates an owner of `count` files: copies of one, written directly to the table.
async fn filled(cloud: &Cloud, count: usize) -> Owner {
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("clip.mp4", &media::MP4).await).await;
    let item = owner.backend.file_item(id(&file)).await;
    let batches = (1..count).step_by(BATCH).map(|start| {
        let requests = (start..count.min(start + BATCH)).map(|_| {
            let mut copy = item.clone();
            copy.insert("sk".to_owned(), AttributeValue::S(format!("file#{}", FileId::new(now()))));
            let put = PutRequest::builder().set_item(Some(copy)).build().expect("an item");
            WriteRequest::builder().put_request(put).build()
        });
        requests.collect::<Vec<_>>()
    });
    let write = async |requests: Vec<WriteRequest>| {
        let batch = owner.backend.dynamodb.batch_write_item().request_items(&owner.backend.table, requests);
        let left = batch.send().await.expect("the table can be written").unprocessed_items;
        assert!(left.is_none_or(|left| left.is_empty()), "a batch was written in part");
    };
    stream::iter(batches).map(write).buffer_unordered(4).collect::<Vec<()>>().await;
    owner
}

/// Returns the cursor of the last page, by reading all earlier pages.
async fn deepest_cursor(owner: &Owner, count: usize) -> String {
    let mut cursor = String::new();
    for _ in 0..count.div_ceil(500) - 1 {
        let after = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let page = owner.list(&format!("?limit=500{after}")).await;
        page["next_cursor"].as_str().expect("there is more").clone_into(&mut cursor);
    }
    cursor
}
