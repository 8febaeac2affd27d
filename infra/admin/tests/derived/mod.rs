//! Posters and the temporary streams of imports.

use super::*;

const JPEG: &[u8] = b"a poster";
const STREAMS: [StreamKind; 2] = StreamKind::ALL;

/// Returns what was found of a file.
fn of(found: Vec<Finding>, file: &File) -> Vec<(Damage, Action)> {
    let of_file = found.into_iter().filter(|finding| finding.file == Some(file.id));
    of_file.map(|finding| (finding.damage, finding.action)).collect()
}

/// Compares and repairs at a time after the imports of today.
async fn reconcile_later(app: &TestApp, now: Timestamp) -> Vec<Finding> {
    reconcile_at(app, Some(BytesWithoutRecord::Keep), lambda_startup::now().plus(DAY), now).await
}

#[tokio::test]
async fn posters_of_files_differ_in_nothing() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").poster(JPEG).await;
    app.upload("sound.mp3").await;
    assert_eq!(reconcile(&app, Some(BytesWithoutRecord::Delete)).await, []);
    assert!(Damager::new(&app).has_poster(&file).await);
}

#[tokio::test]
async fn a_poster_without_a_record_is_deleted_with_the_bytes() {
    let app = TestApp::new().await;
    let (file, kept) = (app.file("clip.mp4").poster(JPEG).await, app.file("kept.mp4").poster(JPEG).await);
    let damager = Damager::new(&app);
    damager.delete_record(&file).await;
    let poster = |action| (Damage::PosterWithoutRecord { stored: JPEG.len() as u64 }, action);
    for (repair, action) in [(None, Action::Reported), (Some(BytesWithoutRecord::Keep), Action::Kept)] {
        assert!(of(reconcile(&app, repair).await, &file).contains(&poster(action)));
        assert!(damager.has_poster(&file).await);
    }
    let found = of(reconcile(&app, Some(BytesWithoutRecord::Delete)).await, &file);
    assert_eq!(found[0].1, Action::BytesDeleted, "the bytes, and with them the poster");
    assert!(!damager.has_poster(&file).await && damager.has_poster(&kept).await);
}

#[tokio::test]
async fn a_poster_alone_is_deleted_and_a_new_one_left_alone() {
    let app = TestApp::new().await;
    let (file, damager) = (app.upload("clip.mp4").await, Damager::new(&app));
    let alone = File { id: FileId::new(lambda_startup::now()), ..file };
    app.operator().objects().put_poster(alone.owner, alone.id, JPEG.to_vec()).await.expect("a poster");
    let an_hour_ago = Timestamp::from_millis(lambda_startup::now().millis() - 3_600_000);
    assert_eq!(reconcile_older(&app, Some(BytesWithoutRecord::Delete), an_hour_ago).await, []);
    let found = reconcile(&app, Some(BytesWithoutRecord::Delete)).await;
    let damage = Damage::PosterWithoutRecord { stored: JPEG.len() as u64 };
    assert_eq!(found, [of_file(&alone, damage, Action::BytesDeleted)]);
    assert!(!damager.has_poster(&alone).await);
}

#[tokio::test]
async fn a_record_without_its_poster_no_longer_says_that_it_has_one() {
    let app = TestApp::new().await;
    let (file, kept) = (app.file("clip.mp4").poster(JPEG).await, app.file("kept.mp4").poster(JPEG).await);
    Damager::new(&app).delete_poster(&file).await;
    let an_hour_ago = Timestamp::from_millis(lambda_startup::now().millis() - 3_600_000);
    assert_eq!(reconcile_older(&app, Some(BytesWithoutRecord::Keep), an_hour_ago).await, [], "it is new");
    let found = reconcile(&app, None).await;
    assert_eq!(found, [of_file(&file, Damage::RecordWithoutPoster, Action::Reported)]);
    assert_eq!(app.find(&file).await, Some(file.clone()), "a dry run changes nothing");

    let found = reconcile(&app, Some(BytesWithoutRecord::Keep)).await;
    assert_eq!(found, [of_file(&file, Damage::RecordWithoutPoster, Action::Corrected)]);
    let corrected = app.find(&file).await.expect("the record");
    assert!(!corrected.has_poster());
    assert_eq!(corrected.probe(), file.probe(), "all else stays");
    assert_eq!(app.find(&kept).await, Some(kept));
    assert_eq!(reconcile(&app, None).await, []);
}

#[tokio::test]
async fn streams_of_an_import_stay_and_those_of_none_are_deleted() {
    let app = TestApp::new().await;
    let damager = Damager::new(&app);
    let running = app.file("import.mp4").awaiting_import("https://media.example/watch").await;
    let stored = app.upload("stored.mp4").await;
    let deleted = File { id: FileId::new(lambda_startup::now()), ..stored.clone() };
    for file in [&running, &stored, &deleted] {
        damager.put_stream(file, StreamKind::Picture, b"picture").await;
    }
    damager.put_stream(&deleted, StreamKind::Sound, b"sound").await;
    let an_hour_ago = Timestamp::from_millis(lambda_startup::now().millis() - 3_600_000);
    assert_eq!(reconcile_older(&app, Some(BytesWithoutRecord::Keep), an_hour_ago).await, [], "they are new");

    let streams = |stored| Damage::StreamsWithoutImport { stored };
    let differences = |action| [of_file(&stored, streams(7), action), of_file(&deleted, streams(12), action)];
    assert_eq!(reconcile(&app, None).await, differences(Action::Reported));
    assert!(damager.has_stream(&deleted, StreamKind::Sound).await, "a dry run changes nothing");
    let found = reconcile(&app, Some(BytesWithoutRecord::Keep)).await;
    assert_eq!(found, differences(Action::BytesDeleted));
    for kind in STREAMS {
        assert!(!damager.has_stream(&deleted, kind).await && !damager.has_stream(&stored, kind).await);
    }
    assert!(damager.has_stream(&running, StreamKind::Picture).await);
    assert!(app.has_bytes(&stored).await);
    assert_eq!(reconcile(&app, None).await, []);
}

#[tokio::test]
async fn streams_older_than_any_import_are_deleted_also_those_of_an_import() {
    let app = TestApp::new().await;
    let running = app.file("import.mp4").awaiting_import("https://media.example/watch").await;
    Damager::new(&app).put_stream(&running, StreamKind::Picture, b"picture").await;
    let now = lambda_startup::now();
    assert_eq!(reconcile_later(&app, now.plus(2 * DAY)).await, [], "the bucket's rule may come later");
    let damage = Damage::StreamsWithoutImport { stored: 7 };
    let found = reconcile_later(&app, now.plus(4 * DAY)).await;
    assert_eq!(found, [of_file(&running, damage, Action::BytesDeleted)]);
    assert!(app.find(&running).await.is_some());
}

#[tokio::test]
async fn foreign_objects_beside_posters_streams_and_outputs_are_reported_and_kept() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let damager = Damager::new(&app);
    let keys = ["probes", "posters", "streams"].map(|prefix| format!("{prefix}/{}/backup.tar", file.owner));
    for key in &keys {
        damager.put_key(key, b"foreign").await;
    }
    let found = reconcile(&app, Some(BytesWithoutRecord::Delete)).await;
    let foreign = |key: &String| Finding {
        owner: file.owner,
        file: None,
        damage: Damage::ForeignObject { key: key.clone() },
        action: Action::Kept,
    };
    assert_eq!(found, keys.each_ref().map(foreign));
    for key in &keys {
        assert!(damager.has_key(key).await);
    }
}
