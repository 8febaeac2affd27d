//! `reconcile` on real services, with each kind of damage.

mod damage;
mod derived;

use std::time::Duration;

use damage::Damager;
use files_admin::reconcile::{Action, BytesWithoutRecord, Compared, Damage, Finding, Reconciliation};
use files_domain::{File, FileId, OwnerId, Status, StreamKind, Timestamp};
use files_records::UsageCounts;
use test_app::{CONTENT, OWNER, TestApp};

const SIZE: u64 = CONTENT.len() as u64;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Compares an owner's files. Differences that are older than `older_than` may be repaired.
async fn reconcile_older(
    app: &TestApp,
    repair: Option<BytesWithoutRecord>,
    older_than: Timestamp,
) -> Vec<Finding> {
    reconcile_at(app, repair, older_than, lambda_startup::now()).await
}

/// Compares an owner's files as [`reconcile_older`] does, at another time.
async fn reconcile_at(
    app: &TestApp,
    repair: Option<BytesWithoutRecord>,
    older_than: Timestamp,
    now: Timestamp,
) -> Vec<Finding> {
    let (records, objects) = (app.operator().records(), app.operator().objects());
    let reconciliation = Reconciliation { records: &records, objects: &objects, repair, older_than, now };
    let (mut compared, mut found) = (Compared::default(), Vec::new());
    let mut report = |finding| {
        found.push(finding);
        Ok(())
    };
    let owner = OwnerId::named(OWNER);
    reconciliation.owner(owner, &mut compared, &mut report).await.expect("a comparison");
    found
}

/// Compares as if all files had existed for long.
async fn reconcile(app: &TestApp, repair: Option<BytesWithoutRecord>) -> Vec<Finding> {
    reconcile_older(app, repair, lambda_startup::now().plus(DAY)).await
}

fn of_file(file: &File, damage: Damage, action: Action) -> Finding {
    Finding { owner: file.owner, file: Some(file.id), damage, action }
}

fn of_usage(count: &'static str, recorded: i128, counted: i128, action: Action) -> Finding {
    let damage = Damage::Usage { count, recorded, counted };
    Finding { owner: OwnerId::named(OWNER), file: None, damage, action }
}

async fn usage(app: &TestApp) -> UsageCounts {
    app.operator().records().usage_counts(OwnerId::named(OWNER)).await.expect("the usage")
}

#[tokio::test]
async fn nothing_differs_in_files_of_any_status() {
    let app = TestApp::new().await;
    app.upload("clip.mp4").await;
    app.file("unprobed.mp4").unprobed().await;
    app.file("pending.mp4").awaiting_upload().await;
    app.file("parts.mp4").awaiting_parts(20_000_000).await;
    app.file("import.mp4").awaiting_import("https://media.example/a.mp4").await;
    assert_eq!(reconcile(&app, Some(BytesWithoutRecord::Delete)).await, []);
}

#[tokio::test]
async fn a_record_without_bytes_is_deleted() {
    let app = TestApp::new().await;
    let (lost, kept) = (app.upload("lost.mp4").await, app.upload("kept.mp4").await);
    app.operator().objects().delete_file(lost.owner, lost.id).await.expect("a deletion");
    let damage = Damage::RecordWithoutBytes { recorded: SIZE };
    assert_eq!(reconcile(&app, None).await, [of_file(&lost, damage.clone(), Action::Reported)]);
    assert_eq!(app.find(&lost).await, Some(lost.clone()), "a dry run changes nothing");

    let repaired = reconcile(&app, Some(BytesWithoutRecord::Keep)).await;
    assert_eq!(repaired, [of_file(&lost, damage, Action::RecordDeleted)]);
    assert_eq!((app.find(&lost).await, app.find(&kept).await), (None, Some(kept)));
    assert_eq!(reconcile(&app, None).await, [], "the usage is right too");
}

#[tokio::test]
async fn an_empty_object_in_the_place_of_bytes_counts_as_none_and_others_are_kept() {
    let app = TestApp::new().await;
    let (blocked, other) = (app.upload("blocked.mp4").await, app.upload("other.mp4").await);
    app.operator().objects().block_file(blocked.owner, blocked.id).await.expect("an empty object");
    Damager::new(&app).put_object(&other, b"other bytes").await;
    let sizes = |stored| Damage::OtherBytes { recorded: SIZE, stored };
    let found = reconcile(&app, Some(BytesWithoutRecord::Delete)).await;
    let expected =
        [of_file(&blocked, sizes(0), Action::RecordDeleted), of_file(&other, sizes(11), Action::Kept)];
    assert_eq!(found, expected);
    assert_eq!((app.find(&blocked).await, app.find(&other).await), (None, Some(other)));
}

#[tokio::test]
async fn bytes_without_a_record_are_kept_deleted_or_adopted() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    Damager::new(&app).delete_record(&file).await;
    let damage = Damage::BytesWithoutRecord { stored: SIZE };
    let too_much = |action| {
        [("stored_files", 1), ("stored_bytes", i128::from(SIZE))]
            .map(|(count, recorded)| of_usage(count, recorded, 0, action))
    };

    let [reported, usage @ ..] = &reconcile(&app, None).await[..] else { panic!("no difference") };
    assert_eq!(reported, &of_file(&file, damage.clone(), Action::Reported));
    assert_eq!(usage, too_much(Action::Reported));

    let [kept, usage @ ..] = &reconcile(&app, Some(BytesWithoutRecord::Keep)).await[..] else {
        panic!("no difference")
    };
    assert_eq!(kept, &of_file(&file, damage.clone(), Action::Kept));
    assert_eq!(usage, too_much(Action::Corrected));
    assert!(app.has_bytes(&file).await, "without a word of the operator no bytes are deleted");

    let adopted = reconcile(&app, Some(BytesWithoutRecord::Adopt)).await;
    assert_eq!(adopted, [of_file(&file, damage.clone(), Action::Adopted)]);
    let record = app.find(&file).await.expect("a record");
    assert_eq!(
        (record.status(), record.size, record.checksum),
        (Status::Running, Some(SIZE), file.checksum.clone())
    );
    assert_eq!(record.content_type.as_deref(), Some("video/mp4"));
    assert_eq!(record.name.as_str(), file.id.to_string());
    assert!(record.deadline.is_some_and(|deadline| deadline.at <= lambda_startup::now()), "sweep takes over");
    assert_eq!(reconcile(&app, None).await, [], "the usage is right too");

    Damager::new(&app).delete_record(&file).await;
    let deleted = reconcile(&app, Some(BytesWithoutRecord::Delete)).await;
    assert_eq!(deleted[0], of_file(&file, damage, Action::BytesDeleted));
    assert!(!app.has_bytes(&file).await);
    assert_eq!(reconcile(&app, None).await, []);
}

#[tokio::test]
async fn an_adopted_empty_object_is_deleted() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    app.operator().objects().block_file(file.owner, file.id).await.expect("an empty object");
    Damager::new(&app).delete_record(&file).await;
    let found = reconcile(&app, Some(BytesWithoutRecord::Adopt)).await;
    let damage = Damage::BytesWithoutRecord { stored: 0 };
    assert_eq!(found[0], of_file(&file, damage, Action::BytesDeleted));
}

#[tokio::test]
async fn bytes_of_a_failed_file_are_deleted() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    let failed = |file: File| file.failed("the upload expired".to_owned(), lambda_startup::now());
    let records = app.operator().records();
    let failed = records.change_read_file(file.clone(), failed).await.expect("a change").expect("a file");
    app.put_bytes(&failed).await;
    let found = reconcile(&app, Some(BytesWithoutRecord::Keep)).await;
    assert_eq!(found, [of_file(&file, Damage::BytesOfFailedFile { stored: SIZE }, Action::BytesDeleted)]);
    assert!(!app.has_bytes(&file).await);
    assert_eq!(app.find(&file).await.map(|file| file.status()), Some(Status::Failed));
}

#[tokio::test]
async fn an_output_of_ffprobe_without_a_record_is_deleted_with_the_bytes() {
    let app = TestApp::new().await;
    let (file, kept) = (app.upload("clip.mp4").await, app.upload("kept.mp4").await);
    let objects = app.operator().objects();
    for file in [&file, &kept] {
        objects.put_probe(file.owner, file.id, b"packed".to_vec()).await.expect("an output");
    }
    Damager::new(&app).delete_record(&file).await;
    let damage = Damage::ProbeOutputWithoutRecord { stored: 6 };
    let of_output = |found: Vec<Finding>| found.into_iter().find(|finding| finding.damage == damage);
    let expected = |action| Some(of_file(&file, damage.clone(), action));
    assert_eq!(of_output(reconcile(&app, None).await), expected(Action::Reported));
    assert_eq!(of_output(reconcile(&app, Some(BytesWithoutRecord::Keep)).await), expected(Action::Kept));
    reconcile(&app, Some(BytesWithoutRecord::Delete)).await;
    assert!(objects.get_probe(file.owner, file.id).await.is_err());
    assert!(objects.get_probe(kept.owner, kept.id).await.is_ok());
}

#[tokio::test]
async fn a_foreign_object_is_reported_and_kept() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let key = format!("files/{}/backup.tar", file.owner);
    Damager::new(&app).put_key(&key, b"foreign").await;
    let foreign = Finding {
        owner: file.owner,
        file: None,
        damage: Damage::ForeignObject { key: key.clone() },
        action: Action::Kept,
    };
    assert_eq!(reconcile(&app, Some(BytesWithoutRecord::Delete)).await, [foreign]);
    assert!(Damager::new(&app).has_key(&key).await);
}

#[tokio::test]
async fn the_usage_becomes_the_sum_of_the_files() {
    let app = TestApp::new().await;
    app.upload("clip.mp4").await;
    app.file("pending.mp4").awaiting_upload().await;
    let right = usage(&app).await;
    let damager = Damager::new(&app);
    damager.add_to_usage("stored_bytes", -1_000).await;
    damager.add_to_usage("imports", 3).await;
    let differences = |action| {
        let bytes = i128::from(2 * SIZE);
        [of_usage("stored_bytes", bytes - 1_000, bytes, action), of_usage("imports", 3, 0, action)]
    };
    assert_eq!(reconcile(&app, None).await, differences(Action::Reported));
    assert_eq!(reconcile(&app, Some(BytesWithoutRecord::Keep)).await, differences(Action::Corrected));
    assert_eq!(usage(&app).await, right);

    damager.delete_item("usage").await;
    reconcile(&app, Some(BytesWithoutRecord::Keep)).await;
    assert_eq!(usage(&app).await, right);
}

#[tokio::test]
async fn what_is_new_or_being_deleted_is_left_alone() {
    let app = TestApp::new().await;
    let (lost, orphan) = (app.upload("lost.mp4").await, app.upload("orphan.mp4").await);
    app.operator().objects().delete_file(lost.owner, lost.id).await.expect("a deletion");
    Damager::new(&app).delete_record(&orphan).await;
    let an_hour_ago = Timestamp::from_millis(lambda_startup::now().millis() - 3_600_000);
    let found = reconcile_older(&app, Some(BytesWithoutRecord::Delete), an_hour_ago).await;
    assert!(found.iter().all(|finding| finding.file.is_none()), "{found:?}");
    assert!(app.find(&lost).await.is_some() && app.has_bytes(&orphan).await);

    let removed = app.upload("removed.mp4").await;
    app.operator().records().remove_file(&removed, lambda_startup::now()).await.expect("a removal");
    let found = reconcile(&app, None).await;
    assert!(found.iter().all(|finding| finding.file != Some(removed.id)), "{found:?}");
}

#[tokio::test]
async fn a_table_restored_to_an_earlier_point_agrees_with_the_bucket_again() {
    let app = TestApp::new().await;
    let damager = Damager::new(&app);
    let (deleted, same) = (app.upload("deleted.mp4").await, app.upload("same.mp4").await);
    let unprobed = app.file("unprobed.mp4").unprobed().await;
    let point = damager.snapshot().await;

    app.operator().records().remove_file(&deleted, lambda_startup::now()).await.expect("a removal");
    app.operator().objects().delete_file(deleted.owner, deleted.id).await.expect("a deletion");
    app.finish_probe(&unprobed, test_app::video()).await;
    let later = app.upload("later.mp4").await;
    damager.restore(point).await;

    let found = reconcile(&app, Some(BytesWithoutRecord::Adopt)).await;
    let expected = [
        of_file(&deleted, Damage::RecordWithoutBytes { recorded: SIZE }, Action::RecordDeleted),
        of_file(&later, Damage::BytesWithoutRecord { stored: SIZE }, Action::Adopted),
    ];
    assert_eq!(found, expected);
    assert_eq!(app.find(&deleted).await, None);
    assert_eq!(app.find(&same).await, Some(same));
    let status = async |file| app.find(file).await.map(|file| file.status());
    assert_eq!(
        (status(&unprobed).await, status(&later).await),
        (Some(Status::Running), Some(Status::Running))
    );
    assert_eq!(reconcile(&app, None).await, []);
}

#[tokio::test]
async fn lost_records_come_back_from_a_recovered_table_and_others_stay() {
    let app = TestApp::new().await;
    let damager = Damager::new(&app);
    let (lost, changed) = (app.upload("lost.mp4").await, app.upload("changed.mp4").await);
    let deleted = app.upload("deleted.mp4").await;
    let from = damager.recovered().await;
    damager.delete_record(&lost).await;
    let again = |mut file: File| {
        file.content_type = Some("video/webm".to_owned());
        Some(file)
    };
    let records = app.operator().records();
    let changed = records.change_read_file(changed, again).await.expect("a change").expect("a file");
    records.remove_file(&deleted, lambda_startup::now()).await.expect("a removal");
    app.operator().objects().delete_file(deleted.owner, deleted.id).await.expect("a deletion");
    records.delete_removal_entry(deleted.owner, deleted.id).await.expect("a removal");

    assert_eq!(records.copy_missing(&from).await.expect("a copy"), 2);
    assert_eq!(records.copy_missing(&from).await.expect("a copy"), 0, "the same again changes nothing");
    assert_eq!(app.find(&lost).await, Some(lost));
    assert_eq!(app.find(&changed).await.and_then(|file| file.content_type), changed.content_type);
    let damage = Damage::RecordWithoutBytes { recorded: SIZE };
    let found = reconcile(&app, Some(BytesWithoutRecord::Keep)).await;
    assert_eq!(found[0], of_file(&deleted, damage, Action::RecordDeleted), "its bytes were deleted since");
    assert_eq!(reconcile(&app, None).await, []);
}

#[tokio::test]
async fn many_pages_of_both_sides_are_compared_in_step() {
    const RECORDS: u64 = 3_000;
    const OBJECTS: u64 = 1_100;
    let app = TestApp::new().await;
    let damager = Damager::new(&app);
    let first = app.upload("clip.mp4").await;
    let now = lambda_startup::now().millis();
    let ids: Vec<_> = (0..RECORDS).map(|n| FileId::new(Timestamp::from_millis(now - n * 1_000))).collect();
    damager.copy_record(&first, &ids).await;
    let with_bytes = ids.iter().step_by(2).take(usize::try_from(OBJECTS).expect("a count"));
    let with_bytes: Vec<_> = with_bytes.map(|id| File { id: *id, ..first.clone() }).collect();
    for file in &with_bytes {
        app.put_bytes(file).await;
    }
    let found = reconcile(&app, None).await;
    let without_bytes: std::collections::HashSet<_> =
        found.iter().filter_map(|finding| finding.file).collect();
    assert_eq!(without_bytes.len() as u64, RECORDS - OBJECTS);
    assert!(with_bytes.iter().all(|file| !without_bytes.contains(&file.id)));
    assert!(found.contains(&of_usage("stored_files", 1, i128::from(RECORDS) + 1, Action::Reported)));
}

#[tokio::test]
async fn all_owners_are_compared_also_those_who_have_only_bytes() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").of("with-key").uploaded().await;
    let orphan = File { owner: OwnerId::named("bytes only"), ..file.clone() };
    app.put_bytes(&orphan).await;
    let output = File { owner: OwnerId::named("output only"), ..file.clone() };
    app.operator().objects().put_probe(output.owner, output.id, vec![1]).await.expect("an output");
    let poster = File { owner: OwnerId::named("poster only"), ..file.clone() };
    app.operator().objects().put_poster(poster.owner, poster.id, vec![1]).await.expect("a poster");
    let streams = File { owner: OwnerId::named("streams only"), ..file.clone() };
    Damager::new(&app).put_stream(&streams, StreamKind::Sound, b"sound").await;
    let (records, objects) = (app.operator().records(), app.operator().objects());
    let now = lambda_startup::now();
    let reconciliation =
        Reconciliation { records: &records, objects: &objects, repair: None, older_than: now.plus(DAY), now };
    let (mut compared, mut found) = (Compared::default(), Vec::new());
    let mut report = |finding: Finding| {
        found.push(finding.owner);
        Ok(())
    };
    reconciliation.all([file.owner, file.owner], &mut compared, &mut report).await.expect("a comparison");
    assert_eq!(found, [orphan.owner, output.owner, poster.owner, streams.owner]);
    assert_eq!(compared, Compared { owners: 5, records: 1, objects: 2 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_change_meanwhile_cause_no_wrong_repair() {
    let app = TestApp::new().await;
    app.upload("clip.mp4").await;
    let right = usage(&app).await;
    let work = async {
        for _ in 0..40 {
            let file = app.upload("short-lived.mp4").await;
            app.operator().records().remove_file(&file, lambda_startup::now()).await.expect("a removal");
            app.operator().objects().delete_file(file.owner, file.id).await.expect("a deletion");
            app.operator().records().delete_removal_entry(file.owner, file.id).await.expect("a removal");
        }
    };
    let long_ago = Timestamp::from_millis(lambda_startup::now().millis() - 7_200_000);
    let compare = async {
        for _ in 0..40 {
            for finding in reconcile_older(&app, Some(BytesWithoutRecord::Delete), long_ago).await {
                assert_eq!(finding.damage, Damage::UsageUnsettled);
            }
        }
    };
    tokio::join!(work, compare);
    assert_eq!(usage(&app).await, right);
    assert_eq!(reconcile(&app, None).await, []);
}
