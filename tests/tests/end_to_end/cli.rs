//! The CLI `files`, except for interrupted uploads.

use files_tests::cli::Machine;
use files_tests::owner::id;
use files_tests::{Cloud, Reply, SourceServer, media, skip_on_deployment};
use serde_json::json;

#[tokio::test]
async fn a_file_is_uploaded_and_downloaded() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    machine.file("clip.mp4", &media::MP4);
    let uploaded = machine
        .run(&["upload", "clip.mp4", "--wait", "--json", "--metadata", "project=trailer"])
        .await
        .expect(0)
        .json();
    let file = &uploaded[0];
    assert_eq!((&file["name"], &file["status"]), (&json!("clip.mp4"), &json!("success")));
    assert_eq!(file["checksum"], json!({"sha256": media::sha256(&media::MP4)}), "announced and checked");
    assert_eq!(file["metadata"], json!({"project": "trailer"}));

    let shown = machine.run(&["get", id(file)]).await.expect(0).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), owner.file(id(file)).await);
    let listed = machine.run(&["list"]).await.expect(0).out;
    assert!(
        listed.contains(id(file)) && listed.contains("clip.mp4") && listed.contains("success"),
        "{listed}"
    );

    let refused = machine.run(&["download", id(file)]).await.expect(1);
    assert!(refused.err.contains("--force"), "{refused:?}");
    machine.run(&["download", id(file), "-o", "back.mp4"]).await.expect(0);
    assert_eq!(std::fs::read(machine.home().join("back.mp4")).expect("the file"), *media::MP4);

    let change =
        ["--name", "trailer.mp4", "--metadata", "project=trailer", "--expires-in", "86400", "--json"];
    let changed =
        machine.run(&[&["update", id(file)][..], &change].concat()).await.expect(0).json().remove(0);
    assert_eq!(
        (&changed["name"], &changed["metadata"]),
        (&json!("trailer.mp4"), &json!({"project": "trailer"}))
    );
    assert!(changed["expires_at"].is_string(), "{changed}");
    let kept =
        machine.run(&["update", id(file), "--no-expiry", "--no-metadata", "--json"]).await.expect(0).json();
    assert_eq!((&kept[0]["expires_at"], &kept[0]["metadata"]), (&json!(null), &json!({})));
    machine.run(&["update", id(file)]).await.expect(2);

    machine.run(&["rm", id(file)]).await.expect(0);
    machine.run(&["get", id(file)]).await.expect(4);
    assert_eq!(machine.run(&["list", "--json"]).await.expect(0).json(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn several_files_are_transferred_in_parallel() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    for name in ["a.png", "b.png", "empty"] {
        machine.file(name, if name == "empty" { b"" } else { &media::PNG });
    }
    let ran = machine.run(&["upload", "a.png", "empty", "b.png", "--wait", "--json"]).await.expect(0);
    let names: Vec<_> = ran.json().iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["a.png", "empty", "b.png"], "in the order of the arguments");
    let images = machine.run(&["list", "--type", "image", "--json"]).await.expect(0).json();
    assert_eq!(images.len(), 2);
    let all = ran.json();
    let ids: Vec<&str> = all.iter().map(id).collect();
    std::fs::create_dir(machine.home().join("out")).expect("a folder");
    machine.run(&["download", ids[1], ids[2], "-o", "out"]).await.expect(0);
    assert_eq!(std::fs::read(machine.home().join("out/b.png")).expect("the file"), *media::PNG);
    assert_eq!(std::fs::read(machine.home().join("out/empty")).expect("the file"), b"");
}

#[tokio::test]
async fn several_files_are_removed_and_a_missing_one_is_named() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    for name in ["a.png", "b.png", "c.png"] {
        machine.file(name, &media::PNG);
    }
    let all = machine.run(&["upload", "a.png", "b.png", "c.png", "--json"]).await.expect(0).json();
    let missing = "01890a5d-ac96-774b-bcce-b302099a8057";
    let removed = machine.run(&["rm", id(&all[0]), missing, id(&all[1])]).await.expect(4);
    assert!(removed.err.contains(&format!("{missing}: Not found")), "{}", removed.err);
    assert_eq!(removed.out.matches("deleted").count(), 2, "{}", removed.out);
    let again = machine.run(&["rm", id(&all[0])]).await.expect(4);
    assert!(again.err.contains(id(&all[0])), "{}", again.err);
    assert_eq!(owner.list("").await["files"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_cli_waits_for_an_import() {
    skip_on_deployment!("imports from this machine");
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let source = SourceServer::start().await;
    let url = source.serve("/a.wav", Reply::bytes(media::WAV.clone()));
    let file = machine.run(&["import", &url, "--wait", "--json"]).await.expect(0).json().remove(0);
    assert_eq!((&file["status"], &file["name"]), (&json!("success"), &json!("a.wav")));
    let missing = source.serve("/missing", Reply::status(http::StatusCode::NOT_FOUND));
    let failed = machine.run(&["import", &missing, "--wait"]).await.expect(5);
    assert!(failed.err.contains("the source responded 404"), "{failed:?}");
    machine.run(&["import", "ftp://x/y"]).await.expect(1);
}

#[tokio::test]
async fn a_download_resumes_and_is_verified() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let file = owner.wait_until_success(&owner.upload("a.bin", &media::noise(3_000_000, 1)).await).await;
    let partial = format!(".{}.part", id(&file));
    let bytes = media::noise(3_000_000, 1);
    machine.file(&partial, &bytes[..1_000_000]);
    machine.run(&["download", id(&file)]).await.expect(0);
    assert_eq!(std::fs::read(machine.home().join("a.bin")).expect("the file"), bytes);
    assert!(!machine.home().join(&partial).exists());

    // A partial file of another program is not used.
    machine.file(&partial, &media::noise(1_000_000, 2));
    let wrong = machine.run(&["download", id(&file), "--force"]).await.expect(1);
    assert!(wrong.err.contains("checksum"), "{wrong:?}");
    assert_eq!(
        std::fs::read(machine.home().join("a.bin")).expect("the file"),
        bytes,
        "the old file is unchanged"
    );
    machine.run(&["download", id(&file), "--force"]).await.expect(0);
}

#[tokio::test]
async fn settings_can_come_from_a_file_and_no_key_is_shown() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let without = |arguments: &[&str]| {
        let mut command = machine.command(arguments);
        command.env_remove("FILES_URL").env_remove("FILES_API_KEY");
        command.spawn().expect("the command")
    };
    let ran = async |child| files_tests::cli::CliResult::of(child).await;
    assert!(ran(without(&["list"])).await.expect(1).err.contains("FILES_URL"));
    let folder = machine.home().join(".config/files");
    std::fs::create_dir_all(&folder).expect("a folder");
    let config = format!("url = \"{}\"\napi_key = \"{}\"\n", owner.api(), owner.key());
    std::fs::write(folder.join("config.toml"), config).expect("a file");
    let listed = ran(without(&["list"])).await.expect(0);
    assert!(listed.err.contains("can be read by others"), "{}", listed.err);

    let stranger = Machine::new(&owner.with_key("fm_0123456789"));
    for arguments in [&["list"][..], &["get", "x"], &["rm", "x"]] {
        let refused = stranger.run(arguments).await.expect(3);
        assert!(refused.err.contains("Invalid or expired API key"), "{refused:?}");
        assert!(!format!("{refused:?}").contains("fm_0123456789"), "{refused:?}");
    }
    let nobody = machine.command(&["list"]).env_remove("FILES_API_KEY").env("FILES_CONFIG", "/none").spawn();
    ran(nobody.expect("the command")).await.expect(1);
}

#[tokio::test]
async fn help_and_completions_need_no_settings() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let bare = |arguments: &[&str]| machine.command(arguments).env_clear().spawn().expect("the command");
    let help = files_tests::cli::CliResult::of(bare(&["--help"])).await.expect(0).out;
    for word in ["upload", "import", "download", "FILES_API_KEY", "Exit codes"] {
        assert!(help.contains(word), "{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = files_tests::cli::CliResult::of(bare(&["completions", shell])).await.expect(0).out;
        for word in ["upload", "pending", "audio"] {
            assert!(script.contains(word), "{shell} completes {word}");
        }
    }
    files_tests::cli::CliResult::of(bare(&["upload"])).await.expect(2);
    files_tests::cli::CliResult::of(bare(&["nonsense"])).await.expect(2);
}
