//! `create_file`.

use files_domain::File;
use files_domain::{Detail, Idempotency, Metadata, Scope, Timestamp, limits};
use files_records::{Created, RecordsError};

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::{at, millis, video};

fn request(key: &str, hash: &str) -> Idempotency {
    Idempotency { key: key.to_owned(), request_hash: hash.to_owned() }
}

async fn ask(
    owner: &Owner<'_>,
    file: &File,
    request: &Idempotency,
    now: Timestamp,
) -> Result<Created, RecordsError> {
    let caller = owner.caller(Scope::Write, now);
    owner.client().create_file(&caller, file, &Detail::default(), Some(request)).await
}

#[tokio::test]
async fn a_file_is_written_with_its_detail_usage_and_deadline() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.new_upload(7, at(0));
    let entries = [("take".to_owned(), "3 ü".to_owned())].into();
    let detail = Detail {
        metadata: Metadata::new(entries).expect("metadata"),
        source_url: Some("https://example.org/a?b=c".to_owned()),
        source_headers: true,
        origin: None,
        full_probe: None,
        webhook: None,
    };
    let caller = press.caller(Scope::Write, at(0));
    let created = press.client().create_file(&caller, &file, &detail, None).await;
    assert_eq!(created.expect("created"), Created::New);
    let found = press.records().get_file(press.id(), file.id).await.expect("a record");
    assert_eq!(found, (file.clone(), detail));
    assert_eq!(press.usage().await, usage(1, 7, 0));
    press.assert_due(Scheduled::File(file.id), at(millis(limits::UPLOAD_WINDOW))).await;
}

#[tokio::test]
async fn an_import_counts_as_one_in_flight() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    assert_eq!(press.record(file.id).await, Some(file.clone()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
    press.assert_due(Scheduled::File(file.id), at(millis(limits::IMPORT_SEND_GRACE))).await;
}

#[tokio::test]
async fn with_an_invalid_key_nothing_is_written() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for (caller, problem) in press.bad("press", Scope::Write, at(60_000)).await {
        let file = press.new_upload(7, at(60_000));
        let again = request("r", "h");
        for idempotency in [None, Some(&again)] {
            let created = press.client().create_file(&caller, &file, &Detail::default(), idempotency).await;
            assert_refused!(created, RecordsError::Key(found) if *found == problem);
        }
        assert_eq!(press.record(file.id).await, None);
    }
    assert_eq!(press.usage().await, usage(0, 0, 0));
    press.assert_nothing_due().await;
    let file = press.new_upload(7, at(60_001));
    let created = ask(&press, &file, &request("r", "other"), at(60_001)).await;
    assert_eq!(created.expect("the rejected request is not stored"), Created::New);
}

#[tokio::test]
async fn a_key_is_valid_until_it_expires() {
    let store = &DynamoDb::start().await;
    let new = crate::owner::key_of("press", [Scope::Write].into(), Some(at(1000)));
    let press = Owner { store, key: store.new_key(&new, at(0)).await };
    press.upload(1, at(999)).await;
    assert_refused!(press.create(&press.new_upload(1, at(1000))).await, RecordsError::Key(_));
}

#[tokio::test]
async fn a_repeated_request_returns_the_current_file_and_creates_nothing() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let (first, second) = (press.new_upload(7, at(0)), press.new_upload(7, at(1)));
    assert_eq!(ask(&press, &first, &request("r", "h"), at(0)).await.expect("created"), Created::New);
    let again = ask(&press, &second, &request("r", "h"), at(1)).await.expect("returned again");
    assert_eq!(again, Created::Before(first.clone(), Detail::default()));
    assert_eq!(press.record(second.id).await, None);
    assert_eq!(press.usage().await, usage(1, 7, 0));

    press.probe(first.id, &video(9, at(2))).await;
    let now = press.record(first.id).await.expect("a record");
    let again = ask(&press, &second, &request("r", "h"), at(3)).await.expect("returned again");
    assert_eq!(again, Created::Before(now, Detail::default()));
}

#[tokio::test]
async fn the_same_key_with_another_request_is_a_conflict() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    ask(&press, &press.new_upload(7, at(0)), &request("r", "h"), at(0)).await.expect("created");
    let other = press.new_upload(8, at(1));
    assert_refused!(ask(&press, &other, &request("r", "x"), at(1)).await, RecordsError::IdempotencyConflict);
    assert_eq!(press.record(other.id).await, None);
    assert_eq!(press.usage().await, usage(1, 7, 0));
}

#[tokio::test]
async fn an_idempotency_key_is_free_after_a_day() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let day = millis(limits::IDEMPOTENCY_WINDOW);
    let first = press.new_upload(7, at(0));
    ask(&press, &first, &request("r", "h"), at(0)).await.expect("created");
    let late = press.new_upload(5, at(day));
    let again = ask(&press, &late, &request("r", "h"), at(day - 1)).await.expect("returned again");
    assert_eq!(again, Created::Before(first, Detail::default()));
    let conflict = ask(&press, &late, &request("r", "x"), at(day - 1)).await;
    assert_refused!(conflict, RecordsError::IdempotencyConflict);
    // A day later, with another request, which is stored instead.
    let created = ask(&press, &late, &request("r", "x"), at(day)).await.expect("created");
    assert_eq!(created, Created::New);
    assert_eq!(press.usage().await, usage(2, 12, 0));
    let again = ask(&press, &press.new_upload(5, at(day + 1)), &request("r", "x"), at(day + 1)).await;
    assert_eq!(again.expect("returned again"), Created::Before(late, Detail::default()));
}

#[tokio::test]
async fn a_repeated_request_does_not_return_a_deleted_file() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.new_upload(7, at(0));
    ask(&press, &file, &request("r", "h"), at(0)).await.expect("created");
    press.remove(&file, at(1)).await.expect("removed");
    let other = press.new_upload(7, at(2));
    let again = ask(&press, &other, &request("r", "h"), at(2)).await;
    assert_refused!(again, RecordsError::IdempotencyConflict);
    assert_eq!(press.usage().await, usage(0, 0, 0));
    let day_later = at(millis(limits::IDEMPOTENCY_WINDOW));
    let created = ask(&press, &other, &request("r", "h"), day_later).await;
    assert_eq!(created.expect("created"), Created::New);
}

#[tokio::test]
async fn a_repeated_request_does_not_return_an_expired_file() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = File { expires_at: Some(at(1000)), ..press.new_upload(7, at(0)) };
    ask(&press, &file, &request("r", "h"), at(0)).await.expect("created");
    let other = press.new_upload(7, at(999));
    let again = ask(&press, &other, &request("r", "h"), at(999)).await.expect("returned again");
    assert_eq!(again, Created::Before(file, Detail::default()));
    let again = ask(&press, &other, &request("r", "h"), at(1000)).await;
    assert_refused!(again, RecordsError::IdempotencyConflict);
}

#[tokio::test]
async fn two_owners_can_use_the_same_key() {
    let store = &DynamoDb::start().await;
    for (name, hash) in [("press", "h"), ("radio", "x")] {
        let owner = Owner::new(store, name).await;
        let created = ask(&owner, &owner.new_upload(7, at(0)), &request("r", hash), at(0)).await;
        assert_eq!(created.expect("created"), Created::New);
        assert_eq!(owner.usage().await, usage(1, 7, 0));
    }
}

#[tokio::test]
async fn an_invalid_api_key_does_not_see_the_result_of_a_request() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    ask(&press, &press.new_upload(7, at(0)), &request("r", "h"), at(0)).await.expect("created");
    for (caller, problem) in press.bad("press", Scope::Write, at(60_000)).await {
        for hash in ["h", "x"] {
            let (file, asked) = (press.new_upload(7, at(1)), request("r", hash));
            let created = press.client().create_file(&caller, &file, &Detail::default(), Some(&asked)).await;
            assert_refused!(created, RecordsError::Key(found) if *found == problem);
        }
    }
}

#[tokio::test]
async fn an_id_is_used_once_and_a_rejected_request_is_not_stored() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let same_id = File { size: Some(9), ..file.clone() };
    assert_refused!(press.create(&same_id).await, RecordsError::Changed);
    assert_refused!(ask(&press, &same_id, &request("r", "h"), at(1)).await, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(file));
    assert_eq!(press.usage().await, usage(1, 7, 0));
    let created = ask(&press, &press.new_upload(1, at(2)), &request("r", "x"), at(2)).await;
    assert_eq!(created.expect("created"), Created::New);
}

#[tokio::test]
async fn concurrent_repeated_requests_create_one_file() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let files = [0, 1, 2].map(|millis| press.new_upload(7, at(millis)));
    let asked = request("r", "h");
    let (a, b, c) = tokio::join!(
        ask(&press, &files[0], &asked, at(0)),
        ask(&press, &files[1], &asked, at(1)),
        ask(&press, &files[2], &asked, at(2)),
    );
    let all = [a, b, c].map(|created| created.expect("created, or returned again"));
    let new = all.iter().position(|created| *created == Created::New).expect("one is new");
    for (index, created) in all.iter().enumerate().filter(|(index, _)| *index != new) {
        assert_eq!(*created, Created::Before(files[new].clone(), Detail::default()), "{index}");
    }
    assert_eq!(press.usage().await, usage(1, 7, 0));
}
