//! Calls the handler in this process, with real services.

use list_files::ListFiles;
use serde_json::{Value, json};
use test_app::{Response, TestApp};

async fn list(app: &TestApp, query: &str) -> Response {
    let function = app.function("list-files");
    let handler = ListFiles { records: function.client_records(), public_url: None };
    function.send(&handler, app.get(&format!("/v1/files{query}")).key(&app.key("owner").await)).await
}

fn names(page: &Value) -> Vec<&str> {
    page["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| file["name"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn pages_are_newest_first_without_gaps_or_duplicates() {
    let app = TestApp::new().await;
    for name in ["a.mp4", "b.mp4", "c.mp4"] {
        app.upload(name).await;
    }
    app.file("theirs.mp4").of("another").uploaded().await;
    let first = list(&app, "?limit=2").await.expect(200);
    let page = first.json();
    assert_eq!(names(&page), ["c.mp4", "b.mp4"]);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(
        first.header("link"),
        format!("<https://api.example/v1/files?limit=2&order=desc&cursor={cursor}>; rel=\"next\"")
    );
    let last = list(&app, &format!("?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!((names(&last), &last["next_cursor"]), (vec!["a.mp4"], &Value::Null));
    assert_eq!(app.calls("list-files", "dynamodb", "Query"), 2);
}

#[tokio::test]
async fn filters_and_order_are_applied() {
    let app = TestApp::new().await;
    app.upload("a.mp4").await;
    app.file("b.mp4").awaiting_upload().await;
    assert_eq!(names(&list(&app, "?status=pending").await.expect(200).json()), ["b.mp4"]);
    assert_eq!(names(&list(&app, "?type=video").await.expect(200).json()), ["a.mp4"]);
    assert_eq!(names(&list(&app, "?source=url").await.expect(200).json()), [""; 0]);
    assert_eq!(names(&list(&app, "?order=asc").await.expect(200).json()), ["a.mp4", "b.mp4"]);
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_own_query() {
    let app = TestApp::new().await;
    for name in ["a.mp4", "b.mp4"] {
        app.upload(name).await;
    }
    let page = list(&app, "?limit=1").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    list(&app, &format!("?limit=1&order=asc&cursor={cursor}")).await.expect_error(400, "malformed_cursor");
    list(&app, "?cursor=x").await.expect_error(400, "malformed_cursor");
    list(&app, "?limit=0").await.expect_error(400, "malformed_limit");
    let error = list(&app, "?page=2").await.expect_error(400, "malformed_parameter");
    assert_eq!(error["details"][0]["field"], json!("page"));
    for query in ["?status=success&status=failed", "?limit=5&limit=6", "?limit=5&l%69mit=5"] {
        let error = list(&app, query).await.expect_error(400, "malformed_parameter");
        let name = &query[1..query.find('=').expect("a parameter")];
        assert_eq!(error["details"][0]["field"], name, "{error}");
    }
}
