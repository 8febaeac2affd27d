//! The process is killed, and everything resumes.

use files_tests::owner::id;
use files_tests::process::{children, is_running, kill};
use files_tests::{Cloud, Owner, Reply, Response, SourceServer, Usage, media, until};
use serde_json::{Value, json};

/// A time in the past.
const LONG_AGO: u64 = 1;

/// Ends the lease of an import whose worker has ended.
async fn end_lease(owner: &Owner, file: &Value) {
    let sk = format!("file#{}", id(file));
    owner.backend.set_numbers(&sk, &[("lease_until", LONG_AGO), ("due_at", LONG_AGO)]).await;
}

/// Returns a file without the fields that contain the API's port.
fn without_address(file: &Value) -> Value {
    let mut file = file.clone();
    for address in ["download_url", "poster_url"] {
        file.as_object_mut().expect("a file").remove(address);
    }
    file
}

#[tokio::test]
async fn everything_survives_a_kill() {
    let mut cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;

    let finished = owner.wait_until_success(&owner.upload("clip.mp4", &media::MP4).await).await;
    let deleted = owner.upload("gone.png", &media::PNG).await;
    owner.delete(&deleted).await.expect(204);
    let ask = json!({"name": "late.png", "size": media::PNG.len(), "content_type": "image/png"});
    let promised = Response::to(owner.json(&ask).header("idempotency-key", "late")).await.expect(201).json();
    let bytes = media::noise(40 << 20, 6);
    let (reply, release) = Reply::bytes(bytes.clone()).held();
    let import = owner.import(&source.serve("/long.bin", reply)).await;
    owner.wait_for(&import, |file| file["progress"].is_object()).await;
    let stored = owner.announce("just.png", media::PNG.len(), "image/png").await;
    let processes = children(cloud.process());
    assert!(processes.iter().any(|(_, name)| name == "import-file"), "{processes:?}");
    owner.put(&stored, media::PNG.clone()).await.expect(200);
    cloud.kill_hard();
    until("its processes are gone", async || {
        (!processes.iter().any(|(id, _)| is_running(*id))).then_some(())
    })
    .await;

    cloud.restart().await;
    let owner = cloud.owner_again(&owner);
    let again = owner.file(id(&finished)).await;
    assert_eq!(without_address(&again), without_address(&finished));
    assert_eq!(owner.download(&again).await, *media::MP4);
    owner.get(&format!("/files/{}", id(&deleted))).await.expect_error(404, "not_found");

    // S3 has acknowledged this upload: it is probed although its event was interrupted.
    let stored = owner.wait_until_success(&stored).await;
    assert_eq!(stored["ffprobe"]["width"], 64);

    let renewed = Response::to(owner.json(&ask).header("idempotency-key", "late")).await.expect(201).json();
    assert_eq!(id(&renewed), id(&promised));
    owner.put(&renewed, media::PNG.clone()).await.expect(200);
    owner.wait_until_success(&renewed).await;

    release.send();
    end_lease(&owner, &import).await;
    cloud.sweep().await;
    let import = owner.wait_until_success(&import).await;
    assert_eq!(owner.download(&import).await, bytes);
    assert_eq!(import["checksum"], json!({"sha256": media::sha256(&bytes)}));

    let total = media::MP4.len() + 2 * media::PNG.len() + bytes.len();
    let usage = Usage { files: 4, bytes: total.try_into().expect("small"), imports: 0 };
    assert_eq!((owner.backend.usage().await, owner.backend.sum().await), (usage, usage));
    let mut objects = owner.backend.objects_but_posters().await;
    let mut expected: Vec<String> =
        [&finished, &stored, &renewed, &import].map(|file| owner.backend.object_key(id(file))).into();
    objects.sort();
    expected.sort();
    assert_eq!(objects, expected, "no bytes without a record, no unfinished upload");
}

#[tokio::test]
async fn an_import_outlives_its_worker() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let bytes = media::noise(40 << 20, 7);
    let (reply, release) = Reply::bytes(bytes.clone()).held();
    let import = owner.import(&source.serve("/long.bin", reply)).await;
    owner.wait_for(&import, |file| file["progress"].is_object()).await;
    let worker = children(cloud.process()).into_iter().find(|(_, name)| name == "import-file");
    let (worker, _) = worker.expect("a worker");
    kill(worker);
    until("the worker is gone", async || (!is_running(worker)).then_some(())).await;
    assert_eq!(owner.file(id(&import)).await["status"], "running");

    release.send();
    end_lease(&owner, &import).await;
    cloud.sweep().await;
    let import = owner.wait_until_success(&import).await;
    assert_eq!(owner.download(&import).await, bytes);
    assert_eq!(source.requests("/long.bin"), 2);
    assert_eq!(
        owner.backend.objects().await,
        [owner.backend.object_key(id(&import))],
        "the parts of the first attempt are deleted"
    );
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn ctrl_c_stops_everything() {
    let mut cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let processes = children(cloud.process());
    for function in ["create-file", "get-file", "probe-file"] {
        assert!(processes.iter().any(|(_, name)| name == function), "{function}: {processes:?}");
    }
    let status = cloud.interrupt();
    assert!([0, 130].contains(&status), "{status}");
    let left: Vec<_> = processes.iter().filter(|(id, _)| is_running(*id)).collect();
    assert!(left.is_empty(), "{left:?}");

    cloud.restart().await;
    let owner = cloud.owner_again(&owner);
    assert_eq!(without_address(&owner.file(id(&file)).await), without_address(&file));
}
