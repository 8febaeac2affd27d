//! Lists: order, pages, cursors.

use files_domain::OwnerId;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Reply, SourceServer, media};
use http::StatusCode;
use serde_json::{Value, json};

async fn announce(owner: &Owner, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for index in 0..count {
        ids.push(id(&owner.announce(&format!("{index}.mp4"), 1, "video/mp4").await).to_owned());
    }
    ids
}

fn ids(page: &Value) -> Vec<String> {
    page["files"].as_array().expect("files").iter().map(|file| id(file).to_owned()).collect()
}

/// Reads all pages by the `Link` header, as a client of RFC 8288 does.
async fn walk(owner: &Owner, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(format!("/files?{query}"));
    while let Some(address) = next {
        let response = owner.get(&address).await.expect(200);
        pages.push(ids(&response.json()));
        next = response.header("link").map(|link| {
            let (url, rest) =
                link.strip_prefix('<').and_then(|link| link.split_once('>')).expect("an address");
            assert_eq!(rest, "; rel=\"next\"");
            assert!(url.contains(response.json()["next_cursor"].as_str().expect("a cursor")), "{url}");
            url.to_owned()
        });
        assert_eq!(next.is_none(), response.json()["next_cursor"].is_null());
        assert!(pages.len() < 20, "the walk does not end");
    }
    pages
}

#[tokio::test]
async fn files_are_listed_in_order_and_once() {
    let owner = Cloud::shared().await.owner().await;
    let mut created = announce(&owner, 7).await;
    for (order, limit) in [("asc", 3), ("desc", 3), ("asc", 1), ("desc", 6)] {
        let pages = walk(&owner, &format!("limit={limit}&order={order}")).await;
        assert!(pages.iter().all(|page| page.len() <= limit), "{pages:?}");
        let mut seen = pages.concat();
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, created, "{order} {limit}");
    }
    created.reverse();
    assert_eq!(ids(&owner.list("").await), created, "newest first unless asked otherwise");
}

#[tokio::test]
async fn changes_during_a_walk_neither_repeat_nor_hide_files() {
    let owner = Cloud::shared().await.owner().await;
    let created = announce(&owner, 5).await;
    let first = owner.list("?limit=2").await;
    assert_eq!(ids(&first), [created[4].clone(), created[3].clone()]);
    announce(&owner, 1).await;
    owner.delete(&json!({"id": created[3]})).await.expect(204);
    owner.delete(&json!({"id": created[2]})).await.expect(204);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = owner.list(&format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(ids(&second), [created[1].clone(), created[0].clone()]);
}

#[tokio::test]
async fn a_cursor_is_valid_for_its_owner_only() {
    let cloud = Cloud::shared().await;
    let (owner, stranger) = (cloud.owner().await, cloud.owner().await);
    announce(&owner, 3).await;
    announce(&stranger, 3).await;
    let page = owner.list("?limit=1").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let own = format!("/files?limit=1&cursor={cursor}");
    owner.get(&own).await.expect(200);
    stranger.get(&own).await.expect_error(400, "malformed_cursor");
    owner.get(&format!("{own}&order=asc")).await.expect_error(400, "malformed_cursor");
    assert!(!cursor.contains(&OwnerId::named(owner.name()).to_string()), "opaque");
}

#[tokio::test]
async fn invalid_parameters_are_refused() {
    let owner = Cloud::shared().await.owner().await;
    for limit in ["0", "501", "-1", "1.5", "x", "", "99999999999999999999"] {
        let body = owner.get(&format!("/files?limit={limit}")).await.expect_error(400, "malformed_limit");
        assert_eq!(body["details"][0]["field"], "limit");
    }
    for cursor in ["", "x", "e30", "AAAA", "%00", "%F0%9F%8E%AC", &"A".repeat(3000)] {
        owner.get(&format!("/files?cursor={cursor}")).await.expect_error(400, "malformed_cursor");
    }
    for order in ["", "up", "DESC"] {
        let body = owner.get(&format!("/files?order={order}")).await.expect_error(400, "malformed_parameter");
        assert_eq!(body["details"][0]["field"], "order");
    }
    for limit in ["1", "500"] {
        owner.get(&format!("/files?limit={limit}")).await.expect(200);
    }
}

/// Creates a file of each kind: a video, an image, one that ffprobe cannot read, a pending upload, and a failed import.
async fn assorted(owner: &Owner) -> [Value; 5] {
    let source = SourceServer::start().await;
    let gone = owner.import(&source.serve("/gone.mp4", Reply::status(StatusCode::NOT_FOUND))).await;
    let waits = owner.announce("waits.mp4", 1, "video/mp4").await;
    let text = owner.upload("notes.txt", b"no media").await;
    let picture = owner.upload("picture.png", &media::PNG).await;
    let video = owner.upload("video.mp4", &media::MP4).await;
    for file in [&gone, &text, &picture, &video] {
        owner.wait_until_terminal(file).await;
    }
    [gone, waits, text, picture, video]
}

#[tokio::test]
async fn filters_work_alone_and_together() {
    let owner = Cloud::shared().await.owner().await;
    let [gone, waits, text, picture, video] = assorted(&owner).await;
    let (gone, waits) = (id(&gone), id(&waits));
    let (text, picture, video) = (id(&text), id(&picture), id(&video));
    let before = video_time(&owner, video).await;
    for (query, expected) in [
        ("status=failed".to_owned(), vec![gone]),
        ("status=pending".to_owned(), vec![waits]),
        ("status=running".to_owned(), vec![]),
        ("status=success".to_owned(), vec![video, picture, text]),
        ("source=url".to_owned(), vec![gone]),
        ("source=upload&status=success".to_owned(), vec![video, picture, text]),
        ("type=video".to_owned(), vec![video]),
        ("type=image".to_owned(), vec![picture]),
        ("type=other".to_owned(), vec![text]),
        ("type=audio".to_owned(), vec![]),
        ("type=video&status=failed".to_owned(), vec![]),
        ("type=image&status=success&source=upload".to_owned(), vec![picture]),
        (format!("created_before={before}"), vec![picture, text, waits, gone]),
        (format!("created_before={before}&type=other"), vec![text]),
        (format!("created_after={before}"), vec![]),
        ("created_after=2000-01-01T00:00:00Z&order=asc".to_owned(), vec![gone, waits, text, picture, video]),
        ("created_after=2001-01-01T00:00:00Z&created_before=2000-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        for limit in [1, 2, 50] {
            let seen = walk(&owner, &format!("limit={limit}&{query}")).await.concat();
            assert_eq!(seen, expected, "{query}, {limit} at a time");
        }
    }
}

async fn video_time(owner: &Owner, id: &str) -> String {
    owner.file(id).await["created_at"].as_str().expect("a time").to_owned()
}

#[tokio::test]
async fn a_cursor_is_valid_for_its_filters_only() {
    let owner = Cloud::shared().await.owner().await;
    announce(&owner, 3).await;
    let page = owner.list("?limit=1&status=pending").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(ids(&owner.list(&format!("?limit=1&status=pending&cursor={cursor}")).await).len(), 1);
    for other in ["", "&status=success", "&status=pending&source=upload", "&status=pending&order=asc"] {
        let response = owner.get(&format!("/files?limit=1{other}&cursor={cursor}")).await;
        response.expect_error(400, "malformed_cursor");
    }
}
