//! Multipart uploads: of concurrent requests, one creates the upload and one completes it.

use files_domain::{File, FileId, PartPlan, Status};
use futures_util::future::join_all;

use crate::dynamodb::DynamoDb;
use crate::owner::{Owner, usage};
use crate::samples::{at, new_file};

async fn announced(press: &Owner<'_>) -> File {
    let plan = PartPlan::recorded(20, 10);
    let file = new_file(Some(20), None).awaiting_parts(plan, press.id(), FileId::new(at(0)), at(0));
    press.create(&file).await.expect("created");
    file
}

#[tokio::test]
async fn one_of_many_concurrent_uploads_is_recorded() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = announced(&press).await;
    let begin = async |number: usize| {
        let own = format!("u{number}");
        let ask = |file: File| file.parts_signed(Some(&own), at(1));
        press.records().change_file(press.id(), file.id, ask).await.expect("the records can be read")
    };
    let begun: Vec<File> = join_all((0..5).map(begin)).await.into_iter().flatten().collect();
    assert_eq!(begun.len(), 1, "{begun:?}");
    let record = press.record(file.id).await.expect("the record");
    assert_eq!(
        (record.state.upload_id(), record.part_plan()),
        (begun[0].state.upload_id(), Some(PartPlan::recorded(20, 10)))
    );
    assert_eq!(press.usage().await, usage(1, 20, 0));
}

#[tokio::test]
async fn one_of_many_concurrent_completions_is_recorded() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = announced(&press).await;
    let ask = |file: File| file.parts_signed(Some("u"), at(1));
    press.records().change_file(press.id(), file.id, ask).await.expect("the records can be read");
    let complete = async |_| {
        let mark = |file: File| file.completing("u", at(2));
        press.records().change_file(press.id(), file.id, mark).await.expect("the records can be read")
    };
    let marked = join_all((0..5).map(complete)).await.into_iter().flatten().count();
    assert_eq!(marked, 1);
    let record = press.record(file.id).await.expect("the record");
    assert_eq!((record.status(), record.state.upload_id()), (Status::Running, Some("u")));
    assert_eq!(press.usage().await, usage(1, 20, 0));
}
