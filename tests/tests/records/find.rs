//! Checks of keys, and `find_file`.

use files_domain::{Detail, FileId, Scope};
use files_records::RecordsError;

use crate::dynamodb::DynamoDb;
use crate::owner::Owner;
use crate::samples::{at, video};

#[tokio::test]
async fn a_file_is_found_with_and_without_its_detail() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let caller = press.caller(Scope::Read, at(1));
    assert_eq!(press.client().find_file(&caller, file.id).await.expect("found"), file);
    let found = press.client().find_file_with_detail(&caller, file.id).await.expect("found");
    assert_eq!(found, (file, Detail::default()));
}

#[tokio::test]
async fn missing_files_and_those_of_others_are_not_found() {
    let store = &DynamoDb::start().await;
    let (press, radio) = (Owner::new(store, "press").await, Owner::new(store, "radio").await);
    let (theirs, absent) = (radio.upload(7, at(0)).await, FileId::new(at(0)));
    let removed = press.upload(7, at(0)).await;
    press.remove(&removed, at(1)).await.expect("removed");
    let caller = press.caller(Scope::Read, at(1));
    for id in [theirs.id, absent, removed.id] {
        assert_refused!(press.client().find_file(&caller, id).await, RecordsError::NotFound);
        assert_refused!(press.client().find_file_with_detail(&caller, id).await, RecordsError::NotFound);
    }
}

#[tokio::test]
async fn an_expired_file_is_not_found() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.expiring(7, at(0), at(1000)).await;
    let before = press.client().find_file(&press.caller(Scope::Read, at(999)), file.id).await;
    assert_eq!(before.expect("found"), file);
    let caller = press.caller(Scope::Read, at(1000));
    assert_refused!(press.client().find_file(&caller, file.id).await, RecordsError::NotFound);
    assert_refused!(press.client().find_file_with_detail(&caller, file.id).await, RecordsError::NotFound);
    assert_eq!(press.record(file.id).await, Some(file), "background work can still read it");
}

#[tokio::test]
async fn with_an_invalid_key_no_file_is_found() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    for (caller, problem) in press.bad("press", Scope::Read, at(60_000)).await {
        for id in [file.id, FileId::new(at(0))] {
            let found = press.client().find_file(&caller, id).await;
            assert_refused!(found, RecordsError::Key(found) if *found == problem);
            let found = press.client().find_file_with_detail(&caller, id).await;
            assert_refused!(found, RecordsError::Key(found) if *found == problem);
        }
    }
}

#[tokio::test]
async fn a_revoked_key_is_rejected_within_30_seconds() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    press.client().find_file(&press.caller(Scope::Read, at(0)), file.id).await.expect("found");
    store.revoke(press.key.hash(), at(1)).await;
    let later = press.caller(Scope::Read, at(30_000));
    assert_refused!(press.client().find_file(&later, file.id).await, RecordsError::Key(_));
    assert_refused!(press.create(&press.new_upload(1, at(2))).await, RecordsError::Key(_));
    assert_refused!(press.remove(&file, at(2)).await, RecordsError::Key(_));
}

#[tokio::test]
async fn a_revoked_key_cannot_write() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let client = press.client();
    for scope in Scope::ALL {
        client.find_file(&press.caller(scope, at(0)), file.id).await.expect("found");
        client.keys().check_now(&press.caller(scope, at(0))).await.expect("good");
    }
    store.revoke(press.key.hash(), at(1)).await;
    for scope in [Scope::Write, Scope::Delete] {
        let caller = press.caller(scope, at(2));
        assert_refused!(client.find_file(&caller, file.id).await, RecordsError::Key(_));
        assert_refused!(client.find_file_with_detail(&caller, file.id).await, RecordsError::Key(_));
        assert_refused!(client.keys().check_now(&caller).await, RecordsError::Key(_));
    }
    assert_refused!(press.create(&press.new_upload(1, at(2))).await, RecordsError::Key(_));
    assert_refused!(press.remove(&file, at(2)).await, RecordsError::Key(_));
}

#[tokio::test]
async fn reads_see_the_last_write() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for millis in 0..20 {
        let file = press.upload(7, at(millis)).await;
        press.probe(file.id, &video(7, at(millis))).await;
        let found = press.client().find_file(&press.caller(Scope::Read, at(millis)), file.id).await;
        assert!(found.expect("found").has_bytes());
    }
}

#[tokio::test]
async fn a_key_is_checked_without_a_file() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for scope in Scope::ALL {
        press
            .client()
            .keys()
            .check(&press.caller(scope, at(60_000)))
            .await
            .expect("valid, also from the cache");
        for (caller, problem) in press.bad("press", scope, at(60_000)).await {
            for _ in 0..2 {
                let checked = press.client().keys().check(&caller).await;
                assert_refused!(checked, RecordsError::Key(found) if *found == problem);
                let checked = press.client().keys().check_now(&caller).await;
                assert_refused!(checked, RecordsError::Key(found) if *found == problem);
            }
        }
    }
}
