//! Limits of an owner: set by `files-admin`, enforced by the API, shown by `files usage`.

use std::process::Command;

use files_tests::cli::Machine;
use files_tests::owner::id;
use files_tests::programs::built;
use files_tests::{Cloud, Owner, Reply, Response, SourceServer, media};
use serde_json::{Value, json};

/// Runs `files-admin limits`, and returns the owner's individual limits.
fn limits(cloud: &Cloud, owner: &Owner, what: &str, options: &[&str]) -> Value {
    let mut command = Command::new(built().join("files-admin"));
    command.args(["limits", what, "--owner", owner.name()]).args(options);
    command.env("FILES_READY", cloud.ready_file()).env_remove("FILES_TABLE").env_remove("FILES_KEYS_TABLE");
    let output = command.current_dir(cloud.folder()).output().expect("files-admin");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn used(owner: &Owner) -> Value {
    owner.get("/usage").await.expect(200).json()["used"].clone()
}

#[tokio::test]
async fn an_owner_at_its_limit_can_continue_after_deleting_files() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    assert_eq!(limits(cloud, &owner, "show", &[]), json!({}));
    let size = media::PNG.len();
    let set = ["--stored-bytes", &(size + 10).to_string(), "--pending-uploads", "1"];
    assert_eq!(limits(cloud, &owner, "set", &set), json!({"stored_bytes": size + 10, "pending_uploads": 1}));

    let file = owner.upload("a.png", &media::PNG).await;
    owner.wait_until_success(&file).await;
    let announce = async |size: usize| {
        Response::to(owner.json(&json!({"name": "b.png", "size": size, "content_type": "image/png"}))).await
    };
    let refused = announce(11).await.expect(403).json();
    assert_eq!(
        (&refused["reason"], &refused["details"][0]["field"]),
        (&json!("quota_exceeded"), &json!("stored_bytes"))
    );
    let pending = announce(10).await.expect(201).json();
    let refused = announce(0).await.expect(429);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.json()["details"][0]["field"], "pending_uploads");
    let expected =
        json!({"stored_bytes": size + 10, "files": 2, "pending_uploads": 1, "imports": 0, "previews": 0});
    assert_eq!(used(&owner).await, expected);
    let shown = Machine::new(&owner).run(&["usage"]).await.expect(0).out;
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["pending_uploads", "1", "1"])), "{shown}");

    // Received bytes end the pending upload, and a deletion releases stored bytes.
    owner.put(&pending, "0123456789").await.expect(200);
    owner.wait_until_success(&pending).await;
    assert_eq!(used(&owner).await["pending_uploads"], 0);
    owner.delete(&file).await.expect(204);
    announce(size).await.expect(201);
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
    assert_eq!(limits(cloud, &owner, "reset", &[]), json!({}));
}

#[tokio::test]
async fn an_import_that_does_not_fit_fails_with_the_numbers_and_gives_everything_back() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    limits(cloud, &owner, "set", &["--stored-bytes", "1000000"]);
    let source = SourceServer::start().await;
    let small = Reply::bytes(vec![7; 1_000_001]);
    let large = Reply::bytes(media::noise(17 << 20, 3)).header("etag", "\"1\"").with_ranges();
    for (path, reply) in [("/small", small.clone()), ("/chunked", small.chunked()), ("/large", large)] {
        let end = owner.wait_until_terminal(&owner.import(&source.serve(path, reply)).await).await;
        let error = end["error"].as_str().unwrap_or_default();
        assert!(end["status"] == "failed" && error.contains("quota_exceeded"), "{path}: {end}");
        assert!(error.contains("1 MB"), "{path}: {error}");
        assert!(!owner.backend.file_item(id(&end)).await.contains_key("upload_id"));
    }
    let expected = json!({"stored_bytes": 0, "files": 3, "pending_uploads": 0, "imports": 0, "previews": 0});
    assert_eq!(used(&owner).await, expected);
}
