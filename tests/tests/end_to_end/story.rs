//! The main use case: upload, import, inspect, download, delete.

use files_tests::faults::are_injected;
use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, Reply, Response, SourceServer, Usage, media};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

/// Uploads through the API, and waits for the probe. Returns the flat part of ffprobe's output.
async fn probed(owner: &Owner, name: &str, bytes: &[u8]) -> Value {
    let file = owner.upload(name, bytes).await;
    // With injected faults this can be the response to a retry, after the probe has ended.
    assert!(file["status"] == "running" || (are_injected() && file["status"] == "success"), "{file}");
    assert_eq!((&file["name"], &file["source"]), (&json!(name), &json!("upload")));
    let file = owner.wait_until_success(&file).await;
    assert_eq!(file["size"], bytes.len(), "{file}");
    assert_eq!(file["checksum"], json!({"sha256": media::sha256(bytes)}));
    assert_eq!((&file["error"], &file["ffprobe_error"]), (&Value::Null, &Value::Null));
    let mut probe = file["ffprobe"].clone();
    for whole in ["format", "streams", "chapters"] {
        let part = probe.as_object_mut().expect("ffprobe's output").remove(whole).expect(whole);
        assert!(part.is_object() || part.is_array(), "{whole}: {part}");
    }
    probe
}

#[track_caller]
fn assert_probe(probe: &Value, expected: &Value) {
    for (field, value) in expected.as_object().expect("fields") {
        let same = match (probe[field].as_f64(), value.as_f64()) {
            (Some(is), Some(should)) => (is - should).abs() < 0.1,
            _ => probe[field] == *value,
        };
        assert!(same, "{field} should be {value}: {probe}");
    }
}

#[tokio::test]
async fn mp4_video_is_probed() {
    let owner = Cloud::shared().await.owner().await;
    let probe = probed(&owner, "clip.mp4", &media::MP4).await;
    let expected = json!({
        "width": 320, "height": 180, "duration": 2.0, "format_name": "mov,mp4,m4a,3gp,3g2,mj2",
        "video_codec": "h264", "audio_codec": "aac", "frame_rate": 25.0,
    });
    assert_probe(&probe, &expected);
    assert!(probe["bit_rate"].as_u64().is_some_and(|rate| rate > 10_000), "{probe}");
}

#[tokio::test]
async fn webm_video_is_probed() {
    let owner = Cloud::shared().await.owner().await;
    let probe = probed(&owner, "clip.webm", &media::WEBM).await;
    let expected = json!({
        "width": 160, "height": 120, "duration": 1.0, "format_name": "matroska,webm",
        "video_codec": "vp9", "audio_codec": null, "frame_rate": 10.0,
    });
    assert_probe(&probe, &expected);
}

#[tokio::test]
async fn audio_is_probed() {
    let owner = Cloud::shared().await.owner().await;
    for (name, bytes, format, codec) in
        [("song.mp3", &*media::MP3, "mp3", "mp3"), ("sound.wav", &*media::WAV, "wav", "pcm_s16le")]
    {
        let probe = probed(&owner, name, bytes).await;
        let expected = json!({
            "width": null, "height": null, "duration": 1.0, "format_name": format,
            "video_codec": null, "audio_codec": codec, "frame_rate": null,
        });
        assert_probe(&probe, &expected);
    }
}

#[tokio::test]
async fn an_image_is_probed() {
    let owner = Cloud::shared().await.owner().await;
    let probe = probed(&owner, "still.png", &media::PNG).await;
    let expected = json!({
        "width": 64, "height": 48, "duration": null, "format_name": "png_pipe",
        "video_codec": "png", "audio_codec": null, "frame_rate": null,
    });
    assert_probe(&probe, &expected);
}

#[tokio::test]
async fn an_import_is_fetched_and_probed() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let reply = Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4");
    let url = source.serve("/films/trailer.mp4?token=a%20b", reply);

    let file = owner.import(&url).await;
    assert_eq!((&file["status"], &file["source"]), (&json!("pending"), &json!("url")));
    assert_eq!((&file["size"], &file["name"]), (&Value::Null, &json!("trailer.mp4")));

    let file = owner.wait_until_success(&file).await;
    assert_probe(&file["ffprobe"], &json!({"width": 320, "height": 180, "duration": 2.0}));
    assert_eq!(file["source_url"], url);
    assert_eq!(file["size"], media::MP4.len());
    assert_eq!(file["content_type"], "video/mp4");
    assert_eq!(file["checksum"], json!({"sha256": media::sha256(&media::MP4)}));
    assert_eq!(owner.download(&file).await, *media::MP4);
    assert_eq!(source.requests("/films/trailer.mp4?token=a%20b"), 1);
    if let Some(backend) = owner.local_backend() {
        let usage = Usage { files: 1, bytes: media::MP4.len().try_into().expect("small"), imports: 0 };
        assert_eq!(backend.usage().await, usage);
        assert_eq!(
            backend.objects_but_posters().await,
            [backend.object_key(id(&file))],
            "no unfinished upload"
        );
    }
}

#[tokio::test]
async fn an_import_is_named_by_the_source_unless_a_name_is_given() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let reply = Reply::bytes(media::WAV.clone()).header(
        "content-disposition",
        "attachment; filename=\"x.wav\"; filename*=UTF-8''T%C3%B6ne%20%F0%9F%8E%B5.wav",
    );
    let url = source.serve("/download", reply.clone().chunked());
    let imported = owner.wait_until_success(&owner.import(&url).await).await;
    assert_eq!(imported["name"], "Töne 🎵.wav");
    assert_eq!(owner.download(&imported).await, *media::WAV, "without an announced length");

    let wanted =
        Response::to(owner.json(&json!({"file_url": url, "name": "mine.wav"}))).await.expect(202).json();
    assert_eq!(owner.wait_until_success(&wanted).await["name"], "mine.wav");

    // A form supports the same options as JSON, and a redirect leads to the same file as the URL itself.
    let redirect = source.serve("/moved", Reply::redirect("/download"));
    let form = Form::new().text("file_url", &redirect);
    let moved = Response::to(owner.form(form)).await.expect(202).json();
    assert_eq!(moved["status"], "pending");
    let moved = owner.wait_until_success(&moved).await;
    assert_eq!((&moved["name"], &moved["source_url"]), (&json!("Töne 🎵.wav"), &json!(redirect)));
}

#[tokio::test]
async fn an_import_shows_its_progress() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let (reply, release) = Reply::bytes(media::noise(40 << 20, 1)).held();
    let file = owner.import(&source.serve("/long.bin", reply)).await;
    let total = 40 << 20;
    let running = |file: &Value| file["progress"]["received"].as_u64().is_some_and(|received| received > 0);
    let file = owner.wait_for(&file, running).await;
    assert_eq!((&file["status"], &file["progress"]["total"]), (&json!("running"), &json!(total)));
    assert!(file["progress"]["received"].as_u64().is_some_and(|received| received <= 20 << 20), "{file}");
    release.send();
    let file = owner.wait_until_success(&file).await;
    assert_eq!((&file["progress"], &file["size"]), (&Value::Null, &json!(total)));
}

#[tokio::test]
async fn a_file_has_the_documented_shape() {
    let owner = Cloud::shared().await.owner().await;
    let form = Form::new()
        .text("metadata", r#"{"project":"trailer","größe":"groß"}"#)
        .text("expires_in", "3600")
        .file("Ünïcödé 🎬.png", Some("image/png"), &media::PNG);
    let file = Response::to(owner.form(form)).await.expect(201);
    assert_eq!(file.header("location"), Some(format!("{}/files/{}", api(&owner), id(&file.json())).as_str()));
    let file = owner.wait_until_success(&file.json()).await;
    let lived = |from: &str| file[from].as_str().expect("a time").to_owned();
    assert!(lived("created_at") < lived("updated_at") && lived("updated_at") < lived("expires_at"), "{file}");
    assert_eq!(file["reference"], format!("fm_id://{}", id(&file)));
    assert_eq!(
        file["download_url"],
        format!("{}/files/{}/%C3%9Cn%C3%AFc%C3%B6d%C3%A9%20%F0%9F%8E%AC.png", api(&owner), id(&file))
    );
    let shape = |file: &Value| {
        let mut file = file.clone();
        for varies in
            ["id", "created_at", "updated_at", "expires_at", "reference", "download_url", "poster_url"]
        {
            assert!(file[varies].is_string(), "{varies}: {file}");
            file[varies] = json!(format!("[{varies}]"));
        }
        for varies in ["format", "streams"] {
            if file["ffprobe"].get(varies).is_some() {
                file["ffprobe"][varies] = json!(format!("[{varies}]"));
            }
        }
        file["size"] = json!("[size]");
        file["checksum"]["sha256"] = json!("[sha256]");
        file
    };
    assert_json_snapshot!("a_file", shape(&file));
    let list = owner.list("").await;
    assert_json_snapshot!("a_file_in_a_list", shape(&list["files"][0]));
    assert_eq!(list["next_cursor"], Value::Null);
}

fn api(owner: &Owner) -> String {
    let request = owner.request(http::Method::GET, "").build().expect("a request");
    request.url().as_str().to_owned()
}

#[tokio::test]
async fn an_entity_tag_changes_with_the_file() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.upload("clip.mp4", &media::MP4).await;
    let path = format!("/files/{}", id(&file));
    let running = owner.get(&path).await.expect(200);
    owner.wait_until_success(&file).await;
    let done = owner.get(&path).await.expect(200);
    let tag = done.header("etag").expect("a tag").to_owned();
    if running.json()["status"] == "running" {
        assert_ne!(running.header("etag"), Some(tag.as_str()));
    }
    let ask = async |tags: &str| {
        let request = owner.request(http::Method::GET, &path).header("if-none-match", tags);
        Response::to(request).await
    };
    for same in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let unchanged = ask(&same).await.expect(304);
        assert!(unchanged.body.is_empty());
        assert_eq!(unchanged.header("etag"), Some(tag.as_str()));
    }
    assert_eq!(ask("\"another\"").await.expect(200).json(), done.json());
}

#[tokio::test]
async fn a_deleted_file_leaves_nothing() {
    let owner = Cloud::shared().await.owner().await;
    let form = Form::new().text("metadata", r#"{"a":"b"}"#).file("clip.mp4", Some("video/mp4"), &media::MP4);
    let file = Response::to(owner.form(form)).await.expect(201).json();
    let file = owner.wait_until_success(&file).await;
    let redirect = owner.get(Owner::download_url(&file)).await.expect(302);

    let deleted = owner.delete(&file).await.expect(204);
    assert!(deleted.body.is_empty());
    owner.delete(&file).await.expect_error(404, "not_found");
    owner.get(&format!("/files/{}", id(&file))).await.expect_error(404, "not_found");
    owner.get(Owner::download_url(&file)).await.expect_error(404, "not_found");
    assert_eq!(owner.list("").await, json!({"files": [], "next_cursor": null}));
    owner.fetch(redirect.header("location").expect("a location")).await.expect(404);

    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.objects().await, Vec::<String>::new());
        assert_eq!(backend.sort_keys().await, ["usage"]);
        assert_eq!(backend.usage().await, Usage::default());
    }
}

/// Returns the number of listed files.
async fn files(owner: &Owner) -> usize {
    owner.list("").await["files"].as_array().expect("files").len()
}

#[tokio::test]
async fn a_repeated_idempotency_key_returns_the_same_file() {
    let owner = Cloud::shared().await.owner().await;
    let body = json!({"name": "clip.mp4", "size": 9, "content_type": "video/mp4"});
    let ask =
        async |key: &str, body: &Value| Response::to(owner.json(body).header("idempotency-key", key)).await;
    let first = ask("one", &body).await.expect(201).json();
    let again = ask("one", &body).await.expect(201).json();
    assert_eq!(id(&first), id(&again));
    assert!(again["upload"]["url"].is_string(), "{again}");
    owner.put(&again, "nine byte").await.expect(200);

    ask("one", &json!({"name": "clip.mp4", "size": 8, "content_type": "video/mp4"}))
        .await
        .expect_error(409, "idempotency_conflict");
    let other = ask("two", &body).await.expect(201).json();
    assert_ne!(id(&first), id(&other));
    assert_eq!(files(&owner).await, 2);

    // A form's boundary is not part of the request, but its file is.
    let form =
        |bytes: &[u8]| owner.form(Form::new().file("a.txt", None, bytes)).header("idempotency-key", "three");
    let stored = Response::to(form(b"bytes")).await.expect(201).json();
    assert_eq!(id(&Response::to(form(b"bytes")).await.expect(201).json()), id(&stored));
    Response::to(form(b"other")).await.expect_error(409, "idempotency_conflict");
    assert_eq!(files(&owner).await, 3);

    // Keys of different owners are independent.
    let stranger = Cloud::shared().await.owner().await;
    let theirs = Response::to(stranger.json(&body).header("idempotency-key", "one")).await.expect(201).json();
    assert_ne!(id(&theirs), id(&first));
}
