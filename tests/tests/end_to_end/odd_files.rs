//! Unusual files: names, empty files, files other than media, limits.

use files_tests::owner::id;
use files_tests::{Cloud, Form, Reply, Response, SourceServer, Usage, media, skip_on_deployment};
use serde_json::{Value, json};

#[tokio::test]
async fn names_are_cleaned() {
    let owner = Cloud::shared().await.owner().await;
    let long = format!("{}.mp4", "x".repeat(296));
    let shortened = format!("{}.mp4", "x".repeat(251));
    for (given, name) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\media\\clip.mp4", "clip.mp4"),
        ("a\0b.mp4", "ab.mp4"),
        ("a\r\nSet-Cookie: x=y.mp4", "aSet-Cookie: x=y.mp4"),
        ("🎬 film.mp4", "🎬 film.mp4"),
        ("parts", "parts"),
        ("exe.\u{202e}4pm.exe", "exe.4pm.exe"),
        (long.as_str(), shortened.as_str()),
    ] {
        let file = owner.announce(given, 3, "video/mp4").await;
        assert_eq!(file["name"], name, "{given:?} in JSON");
        let form = Form::new().text("name", given).file("other.mp4", None, b"abc");
        let file = Response::to(owner.form(form)).await.expect(201).json();
        assert_eq!(file["name"], name, "{given:?} as a field");
        let file = owner.wait_until_success(&file).await;
        assert_eq!(owner.download(&file).await, "abc", "{given:?}");
    }
    for (given, name) in
        [("../../etc/passwd", "passwd"), ("🎬.mp4", "🎬.mp4"), (&long, &shortened), ("..", "file")]
    {
        assert_eq!(owner.upload(given, b"abc").await["name"], name, "{given:?} of a file");
    }
}

#[tokio::test]
async fn a_file_that_is_no_media_is_stored() {
    let owner = Cloud::shared().await.owner().await;
    let canary = SourceServer::start().await;
    let reached = canary.serve("/segment.ts", Reply::bytes(media::MP4.clone()));
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{reached}\n#EXT-X-ENDLIST\n");
    for (name, bytes) in [
        ("words.txt", b"just some words".to_vec()),
        ("words.mp4", b"just some words".to_vec()),
        ("empty.mp4", Vec::new()),
        ("cut.mp4", media::truncated_mp4().to_vec()),
        ("list.mp4", playlist.into_bytes()),
    ] {
        let file = owner.wait_until_success(&owner.upload(name, &bytes).await).await;
        assert_eq!((&file["ffprobe"], &file["error"]), (&Value::Null, &Value::Null), "{name}");
        let why = file["ffprobe_error"].as_str().expect("a reason");
        assert!(!why.is_empty() && !why.contains("http") && !why.contains('\n'), "{name}: {why}");
        assert_eq!(file["size"], bytes.len(), "{name}");
        assert_eq!(owner.download(&file).await, bytes, "{name}");
    }
    assert_eq!(canary.requests("/segment.ts"), 0, "a playlist must not be followed");
    let listed = owner.list("").await;
    assert!(listed["files"].as_array().expect("files").iter().all(|file| file["ffprobe"].is_null()));
}

#[tokio::test]
async fn an_empty_presigned_upload_is_stored() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("empty.mp4", 0, "video/mp4").await;
    owner.put(&file, "").await.expect(200);
    let file = owner.wait_until_success(&file).await;
    assert_eq!((&file["size"], &file["ffprobe_error"]), (&json!(0), &json!("the file is empty")));
    owner.delete(&file).await.expect(204);
    if let Some(backend) = owner.local_backend() {
        // The scheduled deletion remains while the presigned PUT may be valid.
        assert_eq!(backend.sort_keys().await, [format!("gone#{}", id(&file)), "usage".to_owned()]);
    }
}

#[tokio::test]
async fn a_deployments_size_limit_applies_to_every_upload() {
    skip_on_deployment!("changes the template");
    let cloud = Cloud::setup().template_with("Default: 53687091200", "Default: 1000000").start().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let (fits, over) = (media::noise(1_000_000, 8), media::noise(1_000_001, 8));

    Response::to(owner.json(&json!({"name": "a", "size": over.len()})))
        .await
        .expect_error(413, "file_too_large");
    Response::to(owner.form(Form::new().file("a", None, &over))).await.expect_error(413, "file_too_large");
    assert_eq!(owner.backend.sort_keys().await, Vec::<String>::new());
    for (path, reply) in
        [("/over", Reply::bytes(over.clone())), ("/chunked", Reply::bytes(over.clone()).chunked())]
    {
        let file = owner.wait_until_terminal(&owner.import(&source.serve(path, reply)).await).await;
        assert_eq!(file["status"], "failed", "{path}");
        assert!(file["error"].as_str().is_some_and(|error| error.contains("your limit of 1 MB")), "{file}");
        owner.delete(&file).await.expect(204);
    }
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
    assert_eq!(owner.backend.usage().await, Usage::default());

    owner.wait_until_success(&owner.upload("a", &fits).await).await;
    let url = source.serve("/fits", Reply::bytes(fits.clone()).chunked());
    owner.wait_until_success(&owner.import(&url).await).await;
    let file = owner.announce("a", fits.len(), "video/mp4").await;
    owner.put(&file, fits).await.expect(200);
    owner.wait_until_success(&file).await;
}

#[tokio::test]
async fn a_long_output_of_ffprobe_is_stored() {
    let owner = Cloud::shared().await.owner().await;
    let characters = 900_000; // even compressed, more than an item can contain
    let file = owner.upload("long.mka", &media::commented(characters)).await;
    let file = owner.wait_until_success(&file).await;
    let tags = &file["ffprobe"]["format"]["tags"];
    let comment = tags["COMMENT"].as_str().or(tags["comment"].as_str()).expect("the comment");
    assert_eq!(comment.len(), characters);
    let renamed = owner.update(&file, &json!({"name": "longer.mka"})).await.expect(200).json();
    assert_eq!(renamed["ffprobe"], file["ffprobe"], "an update returns it too");
    if let Some(backend) = owner.local_backend() {
        let kept = backend.objects().await;
        assert!(kept.iter().any(|key| key.starts_with("probes/")), "{kept:?}");
        owner.delete(&file).await.expect(204);
        assert_eq!(backend.objects().await, Vec::<String>::new());
    }
}
