//! Limits of owners: requests above a limit are rejected, and usage remains the sum of the records at a limit.

use std::sync::atomic::{AtomicU64, Ordering};

use files_domain::{FileId, FileState, Limit, LimitExceeded, MediaType, ProbeDone};
use files_records::{Imported, RecordsError, SavedProbe};
use futures_util::future::join_all;

use crate::dynamodb::DynamoDb;
use crate::owner::{Owner, usage};
use crate::samples::{at, fail_file, imported, media, new_file, object, video};

fn exceeded(limit: Limit, used: u64, max: u64, requested: u64) -> LimitExceeded {
    LimitExceeded { limit, used, max, requested }
}

async fn limited<'s>(store: &'s DynamoDb, limits: &[(Limit, u64)]) -> Owner<'s> {
    let press = Owner::new(store, "press").await;
    store.set_limits(press.id(), limits).await;
    press
}

#[tokio::test]
async fn a_request_above_a_limit_is_rejected_with_the_numbers() {
    let store = &DynamoDb::start().await;
    let limits = [
        (Limit::StoredBytes, 10),
        (Limit::Files, 3),
        (Limit::FileBytes, 8),
        (Limit::PendingUploads, 2),
        (Limit::Imports, 1),
    ];
    let press = limited(store, &limits).await;
    press.upload(7, at(0)).await;
    let refused = async |size| press.create(&press.new_upload(size, at(1))).await;
    for (size, expected) in
        [(9, exceeded(Limit::FileBytes, 0, 8, 9)), (4, exceeded(Limit::StoredBytes, 7, 10, 4))]
    {
        assert_refused!(refused(size).await, RecordsError::Limit(found) if *found == expected);
    }
    press.upload(3, at(2)).await;
    let expected = exceeded(Limit::PendingUploads, 2, 2, 1);
    assert_refused!(refused(0).await, RecordsError::Limit(found) if *found == expected);
    press.import(at(3)).await;
    let expected = exceeded(Limit::Files, 3, 3, 1);
    assert_refused!(refused(0).await, RecordsError::Limit(found) if *found == expected);
    assert_eq!(press.usage().await, usage(3, 10, 1));
}

#[tokio::test]
async fn the_first_file_of_an_owner_is_limited_too() {
    let store = &DynamoDb::start().await;
    let press = limited(store, &[(Limit::StoredBytes, 5)]).await;
    let expected = exceeded(Limit::StoredBytes, 0, 5, 6);
    let created = press.create(&press.new_upload(6, at(0))).await;
    assert_refused!(created, RecordsError::Limit(found) if *found == expected);
    assert_eq!(press.usage().await, usage(0, 0, 0));
    press.upload(5, at(1)).await;
}

#[tokio::test]
async fn success_failure_and_deletion_release_a_pending_upload() {
    let store = &DynamoDb::start().await;
    let press = limited(store, &[(Limit::PendingUploads, 1), (Limit::Imports, 1)]).await;
    let probed = press.upload(7, at(0)).await;
    let done = ProbeDone { ends_upload: true, ..video(7, at(1)) };
    assert_eq!(press.probe(probed.id, &done).await, SavedProbe::Saved);
    assert_eq!(store.pending_uploads_of(press.id()).await, 0);
    // A probe without the hint that it ends an upload has the same result.
    let other = press.upload(7, at(2)).await;
    let done = ProbeDone::new(object(7), media(MediaType::Video), at(3));
    assert_eq!(press.probe(other.id, &done).await, SavedProbe::Saved);
    assert!(!press.probe(other.id, &ProbeDone { ends_upload: true, ..done }).await.leaves_orphan());
    let failed = press.upload(7, at(4)).await;
    fail_file(press.records(), press.id(), failed.id, "expired", at(5)).await.expect("failed");
    let deleted = press.upload(7, at(6)).await;
    press.remove(&deleted, at(7)).await.expect("removed");
    press.upload(7, at(8)).await;
    assert_eq!(store.pending_uploads_of(press.id()).await, 1);

    let import = press.import(at(9)).await;
    let again = new_file(None, None).awaiting_import(true, press.id(), FileId::new(at(10)), at(10)).into();
    assert_refused!(press.create(&again).await, RecordsError::Limit(_));
    fail_file(press.records(), press.id(), import.id, "no", at(11)).await.expect("failed");
    press.create(&again).await.expect("created");
}

#[tokio::test]
async fn an_import_ends_only_if_its_bytes_are_within_the_limit() {
    let store = &DynamoDb::start().await;
    let press = limited(store, &[(Limit::StoredBytes, 10)]).await;
    press.upload(7, at(0)).await;
    let import = press.import(at(1)).await;
    let claimed = press.claimed(import.id, at(2)).await;
    let limits = press.client().keys().limits(press.id(), at(3)).await.expect("limits");
    let with = Imported { limits, ..Imported::default() };
    let before = claimed.clone().into();
    let after = claimed.clone().imported(imported(4), at(3));
    let expected = exceeded(Limit::StoredBytes, 7, 10, 4);
    let saved = press.records().save_with(&before, &after, &with).await;
    assert_refused!(saved, RecordsError::Limit(found) if *found == expected);
    assert_eq!(press.usage().await, usage(2, 7, 1));
    let found = press.record(import.id).await.expect("a record");
    assert!(matches!(found.state, FileState::Importing(_)), "{found:?}");

    let after = claimed.imported(imported(3), at(4));
    press.records().save_with(&before, &after, &with).await.expect("it fits");
    assert_eq!(press.usage().await, usage(2, 10, 0));
    let saved = press.records().save_with(&before, &after, &with).await;
    assert_refused!(saved, RecordsError::Changed);
}

#[tokio::test]
async fn limits_are_set_one_by_one_and_reset_together() {
    let store = &DynamoDb::start().await;
    let press = limited(store, &[(Limit::Files, 1)]).await;
    store.set_limits(press.id(), &[(Limit::Imports, 0)]).await;
    let keys = press.client().keys();
    let own = keys.own_limits(press.id()).await.expect("limits");
    assert_eq!(own, [(Limit::Files, 1), (Limit::Imports, 0)].into());
    press.upload(1, at(0)).await;
    assert_refused!(press.create(&press.new_upload(1, at(1))).await, RecordsError::Limit(_));
    keys.reset_limits(press.id()).await.expect("reset");
    assert_refused!(press.create(&press.new_upload(1, at(29_999))).await, RecordsError::Limit(_));
    press.create(&press.new_upload(1, at(30_000))).await.expect("after 30 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_concurrent_requests_never_exceed_a_limit_of_fifty() {
    const LIMIT: u64 = 50;
    let store = &DynamoDb::start().await;
    let press = &limited(store, &[(Limit::Files, LIMIT), (Limit::StoredBytes, 7 * LIMIT)]).await;
    let (created, refused) = (&AtomicU64::new(0), &AtomicU64::new(0));
    let worker = async |n: u64| {
        let file = press.new_upload(7, at(n));
        match press.create(&file).await {
            Ok(_) => created.fetch_add(1, Ordering::Relaxed),
            Err(RecordsError::Limit(_)) => return refused.fetch_add(1, Ordering::Relaxed),
            Err(error) => panic!("{error:?}"),
        };
        let now = press.records().usage(press.id()).await.expect("usage");
        assert!(now.files <= LIMIT && now.stored_bytes <= 7 * LIMIT, "{now:?}");
        if n.is_multiple_of(2) {
            press.remove(&file, at(n)).await.expect("removed");
        }
        n
    };
    join_all((0..200).map(worker)).await;
    let (created, refused) = (created.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    assert_eq!(created + refused, 200);
    assert!(created >= LIMIT, "{created}");
    let found = press.records().usage(press.id()).await.expect("usage");
    let sum = store.files_of(press.id()).await;
    assert_eq!((found.files, found.stored_bytes, found.pending_uploads), (sum, 7 * sum, sum));
    // Released capacity can be used again, and no more.
    for n in sum..LIMIT {
        press.upload(7, at(1_000 + n)).await;
    }
    assert_refused!(press.create(&press.new_upload(7, at(2_000))).await, RecordsError::Limit(_));
}
