//! A malicious file that compromises ffprobe, and with it the environment of probe-file, gets access to no other file.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use files_tests::cloud::children;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, media, until};
use serde_json::{Map, Value, json};

/// A text that only the victim's file contains.
const MARKER: &str = "the-secret-of-another-owner";

/// Starts a cloud in which `taken_over.py` replaces ffprobe.
async fn cloud(folder: &Path) -> Cloud {
    let program = folder.join("ffprobe");
    let script = include_str!("taken_over.py");
    let python =
        ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|path| Path::new(path).exists());
    let python = python.expect("Python of the system");
    std::fs::write(&program, format!("#!{python} -I\n{script}")).expect("a script");
    for path in [folder, program.as_path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("readable for all");
    }
    Cloud::setup().without_recording().ffprobe(&program).start().await
}

async fn etag(owner: &Owner, id: &str) -> String {
    let head = owner.backend.s3.head_object().bucket(&owner.backend.bucket).key(owner.backend.object_key(id));
    head.send().await.expect("an object").e_tag.expect("a tag")
}

/// Returns the names of all functions in the account except those that `probe-file` may invoke.
fn other_functions() -> Vec<String> {
    let template = include_str!("../../../template.yaml");
    let names = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix("Function:"));
    let names = names
        .filter(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric) && *name != "ProbeRecord");
    names.map(|name| format!("files-local-{name}Function")).collect()
}

async fn commands(own: &str, thief: &Owner, victim: &Owner, success: &Value, pending: &Value) -> Value {
    let mut queues = Map::new();
    for queue in ["ImportQueue", "ProbeQueue", "DeadLetterQueue"] {
        queues.insert(queue.to_owned(), victim.backend.queue(queue).await.into());
    }
    json!({
        "marker": MARKER,
        "bucket": thief.backend.bucket,
        "table": thief.backend.table,
        "own": thief.backend.object_key(own),
        "victim": victim.backend.object_key(id(success)),
        "victim_etag": etag(victim, id(success)).await,
        "victim_pk": format!("owner#{}", victim.backend.owner),
        "victim_sk": format!("file#{}", id(success)),
        "pending": victim.backend.object_key(id(pending)),
        "queues": queues,
        "functions": other_functions(),
    })
}

#[tokio::test]
async fn a_compromised_ffprobe_can_access_only_its_own_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = cloud(folder.path()).await;
    let (thief, victim) = (cloud.owner().await, cloud.owner().await);
    let secret = victim.upload(&format!("{MARKER}.txt"), format!("{MARKER} {MARKER}").as_bytes()).await;
    let secret = victim.wait_until_success(&secret).await;
    let pending = victim.announce("b.png", 7, "image/png").await;

    let length = 4_000;
    let own = thief.announce("a.mp4", length, "video/mp4").await;
    let commands = commands(id(&own), &thief, &victim, &secret, &pending).await.to_string();
    let bytes = format!("{commands:length$}");
    assert_eq!(bytes.len(), length, "the commands are longer than announced");
    thief.put(&own, bytes.clone()).await.expect(200);
    let probed = thief.wait_until_success(&own).await;
    let probed = thief.file(id(&probed)).await;

    let tag = |name: &str| -> Value {
        let text = probed["ffprobe"]["format"]["tags"][name].as_str().unwrap_or_else(|| panic!("{probed}"));
        serde_json::from_str(text).expect("JSON")
    };
    assert_eq!(tag("leaks"), json!([]));
    let found = tag("found");
    let found = found.as_object().expect("a map");
    println!("{found:#?}");
    for (what, heard) in found {
        let expected = match what.split(": ").collect::<Vec<_>>()[..] {
            ["s3", _] => json!(403),
            ["dynamodb", _] => json!("AccessDenied"),
            // Only the permissions of its triggers.
            ["sqs", "ReceiveMessage ProbeQueue"] => json!(200),
            ["sqs", _] => json!("AccessDenied"),
            ["invoke", _] => json!("403"),
            ["runtime", "next event"] => json!(0),
            ["runtime", _] => json!(400),
            ["probe-record", "victim" | "victim, right etag" | "victim, large" | "pending"] => {
                json!("200 \"nothing_to_do\"")
            }
            ["probe-record", "no JSON"] => continue, // either Lambda or the function refuses it
            ["probe-record", _] => json!("200 failed"),
            ["the own file"] => json!(true),
            ["the URL for another file" | "the URL for a PUT" | "the URL for a DELETE"] => json!(403),
            ["ports"] => {
                assert!(
                    heard.as_u64() > Some(1),
                    "the probe reached no other process, so the test proves nothing"
                );
                continue;
            }
            _ => panic!("{what}: {heard}"),
        };
        assert_eq!(*heard, expected, "{what}");
    }
    assert!(found.len() > 40, "{} attempts", found.len());

    assert_eq!(victim.file(id(&secret)).await, secret);
    assert_eq!(victim.file(id(&pending)).await["status"], "pending");
    assert_eq!(victim.backend.usage().await, victim.backend.sum().await);
    assert_eq!(thief.download(&probed).await, bytes.as_bytes());
}

#[tokio::test]
async fn a_process_ends_after_its_ffprobe_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = cloud(folder.path()).await;
    let owner = cloud.owner().await;
    let processes = || -> Vec<u32> {
        let all = children(cloud.process()).into_iter().filter(|(_, name)| name == "probe-file");
        all.map(|(process, _)| process).collect()
    };
    owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let before = processes();
    owner.wait_until_success(&owner.upload("b.png", &media::PNG).await).await;
    assert_eq!((processes(), before.len()), (before.clone(), 1), "one process handles all successful probes");

    cloud.reset_calls().await;
    let deadly = owner.upload("c.mp4", br#"{"die": true}"#).await;
    let deadly = owner.wait_until_success(&deadly).await;
    assert_eq!(deadly["ffprobe_error"], "ffprobe crashed while reading the file");
    until("the process has ended", async || (!processes().contains(&before[0])).then_some(())).await;
    let calls = cloud.calls("probe-file").await;
    assert_eq!(calls["lambda"], json!({"Invoke": 2}), "the response was sent, so the event is not repeated");
    let next = owner.wait_until_success(&owner.upload("d.png", &media::PNG).await).await;
    assert_eq!(owner.file(id(&next)).await["ffprobe"]["format_name"], "stand_in");
}
