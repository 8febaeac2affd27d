//! Posters of files, from the probe to the deletion.

use files_tests::owner::id;
use files_tests::setup::Setup;
use files_tests::{Cloud, Owner, Response, media};
use serde_json::Value;

async fn poster(owner: &Owner, file: &Value) -> Response {
    let redirect = owner.get(file["poster_url"].as_str().expect("a poster")).await.expect(302);
    owner.fetch(redirect.header("location").expect("a location")).await
}

#[tokio::test]
async fn a_poster_comes_with_the_probe_and_goes_with_the_file() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    for (name, bytes) in [("clip.mp4", &*media::MP4), ("picture.png", &*media::PNG)] {
        let file = owner.wait_until_success(&owner.upload(name, bytes).await).await;
        let listed = owner.list("").await;
        assert_eq!(listed["files"][0]["poster_url"], file["poster_url"], "{name}");
        let jpeg = poster(&owner, &file).await.expect(200);
        assert!(jpeg.body.starts_with(&[0xff, 0xd8, 0xff]), "{name}: {} bytes", jpeg.body.len());
        assert_eq!(jpeg.header("content-type"), Some("image/jpeg"), "{name}");
        let other = cloud.owner().await;
        other.get(file["poster_url"].as_str().expect("a poster")).await.expect(404);
        let redirect = owner.get(file["poster_url"].as_str().expect("a poster")).await.expect(302);
        let url = redirect.header("location").expect("a location").to_owned();
        owner.delete(&file).await.expect(204);
        owner.get(file["poster_url"].as_str().expect("a poster")).await.expect(404);
        assert!(matches!(owner.fetch(&url).await.status, 403 | 404), "{name}: the poster is left");
    }
}

#[tokio::test]
async fn av1_has_posters_as_film_and_as_picture() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    for (name, bytes) in [("film.mp4", &*media::AV1), ("picture.avif", &*media::AVIF)] {
        let file = owner.wait_until_success(&owner.upload(name, bytes).await).await;
        assert_eq!(file["ffprobe"]["video_codec"], "av1", "{name}");
        let jpeg = poster(&owner, &file).await.expect(200);
        assert!(jpeg.body.starts_with(&[0xff, 0xd8, 0xff]), "{name}: {} bytes", jpeg.body.len());
    }
}

#[tokio::test]
async fn files_without_a_picture_have_no_poster() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    for (name, bytes) in [("sound.wav", media::WAV.clone()), ("notes.txt", "just a text".into())] {
        let file = owner.wait_until_success(&owner.upload(name, &bytes).await).await;
        assert_eq!(file["poster_url"], Value::Null, "{name}");
        owner.get(&format!("/posters/{}", id(&file))).await.expect(404);
    }
}

#[tokio::test]
async fn a_deployment_can_make_no_posters() {
    let cloud = Setup::default().parameter("Posters", "false").start().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("clip.mp4", &media::MP4).await).await;
    assert_eq!((&file["poster_url"], &file["ffprobe"]["video_codec"]), (&Value::Null, &"h264".into()));
}
