//! Lists: order, pages, cursors.

use files_tests::owner::id;
use files_tests::{Cloud, Owner};
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

/// Walks from page to page by the `Link` header, as a client of RFC 8288 does.
async fn walk(owner: &Owner, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(format!("/files?{query}"));
    while let Some(address) = next {
        let answer = owner.get(&address).await.expect(200);
        pages.push(ids(&answer.json()));
        next = answer.header("link").map(|link| {
            let (url, rest) =
                link.strip_prefix('<').and_then(|link| link.split_once('>')).expect("an address");
            assert_eq!(rest, "; rel=\"next\"");
            assert!(url.contains(answer.json()["next_cursor"].as_str().expect("a cursor")), "{url}");
            url.to_owned()
        });
        assert_eq!(next.is_none(), answer.json()["next_cursor"].is_null());
        assert!(pages.len() < 20, "the walk does not end");
    }
    pages
}

#[tokio::test]
async fn newest_come_first_and_every_file_once() {
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
async fn what_comes_and_goes_during_a_walk_confuses_nobody() {
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
async fn a_cursor_opens_its_own_list_alone() {
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
    assert!(!cursor.contains(&owner.behind.owner.to_string()), "opaque");
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
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
