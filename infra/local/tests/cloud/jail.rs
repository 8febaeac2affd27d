//! Functions are confined as in Lambda. The parts that need root are tested if the tests run as root, as in CI.

use std::collections::BTreeMap;

use files_local::runtime::{Jail, Lambda, LayerFile};
use serde_json::{Value, json};

use crate::setup::{Running, is_alive, settings, until, worker};

/// Returns whether functions have their own users and file system here.
fn keeps_apart() -> bool {
    Jail::detect().unwrap().keeps_apart()
}

async fn probe(running: &Running) -> Value {
    running.succeed(json!({"do": "probe"})).await
}

#[test]
fn as_root_nothing_is_missing_otherwise_the_gap_is_reported() {
    let jail = Jail::detect().unwrap();
    if rustix::process::geteuid().is_root() && jail.keeps_apart() {
        assert_eq!(jail.missing(), &[] as &[String]);
    } else {
        assert!(jail.missing()[0].contains("functions run as this user"), "{:?}", jail.missing());
    }
}

#[tokio::test]
async fn system_calls_that_lambda_refuses_fail() {
    let running = worker("Timeout: 60");
    let calls: BTreeMap<String, i32> = serde_json::from_value(probe(&running).await["calls"].take()).unwrap();
    assert_eq!(calls.len(), 26);
    for (call, error) in calls {
        let unknown = ["clone3", "landlock_create_ruleset"].contains(&&*call);
        assert_eq!(error, if unknown { libc::ENOSYS } else { libc::EPERM }, "{call}");
    }
}

/// Recorded in Lambda: NOFILE 1024, NPROC 742, MEMLOCK 64 KiB, STACK 8 MiB, CORE 10 GiB.
#[tokio::test]
async fn resource_limits_are_those_of_lambda() {
    let running = worker("Timeout: 60");
    let seen = probe(&running).await;
    let limit = |name: &str| seen["limits"][name].as_str().unwrap().to_owned();
    assert_eq!(limit("Max open files"), "1024 1024");
    assert_eq!(limit("Max locked memory"), "65536 65536");
    assert_eq!(limit("Max stack size"), "8388608 8388608");
    assert_eq!((seen["umask"].as_str(), &seen["home"]), (Some("0022"), &Value::Null));
    if keeps_apart() {
        assert_eq!(limit("Max processes"), "742 742");
        assert_eq!(limit("Max core file size"), "10737418240 10737418240");
    }
}

#[tokio::test]
async fn only_tmp_can_be_written() {
    if !keeps_apart() {
        return;
    }
    let (running, other) = (worker("Timeout: 60, EphemeralStorage: {Size: 1024}"), worker("Timeout: 60"));
    let seen = probe(&running).await;
    for (folder, written) in seen["writes"].as_object().unwrap() {
        assert_eq!(*written, folder == "/tmp", "{folder}");
    }
    assert_eq!(seen["tmp"], json!({"bytes": 1_u64 << 30, "mode": 0o1777, "files": []}));
    assert_eq!(probe(&other).await["tmp"]["bytes"], 512_u64 << 20, "the default size");
    running.succeed(json!({"do": "write", "file": "/tmp/kept"})).await;
    assert_eq!(probe(&running).await["tmp"]["files"], json!(["kept"]), "kept as long as the process");
    assert_eq!(probe(&other).await["tmp"]["files"], json!([]), "each process has its own");
    let devices = seen["devices"].as_array().unwrap();
    assert!(devices.contains(&json!("urandom")) && !devices.contains(&json!("shm")), "{devices:?}");
    assert_eq!((&seen["working_directory"], &seen["resolves"]), (&json!("/var/task"), &json!(true)));
    assert_eq!(seen["task"], json!(["bootstrap", "program"]));
    assert_eq!(seen["layers"], json!([]));
}

#[tokio::test]
async fn each_process_has_a_user_of_its_own() {
    if !keeps_apart() {
        return;
    }
    let (one, two) = (worker("Timeout: 60"), worker("Timeout: 60"));
    let pid = one.succeed(json!({})).await["pid"].clone();
    let (one, two) = (probe(&one).await, probe(&two).await);
    let user = |seen: &Value| serde_json::from_value::<(u32, u32)>(seen["user"].clone()).unwrap();
    assert_ne!(user(&one), user(&two));
    assert!(user(&one).0 >= 2_000_000_000 && user(&one).0 == user(&one).1 && one["groups"] == 0);
    assert_eq!(one["processes"], json!([pid]), "other processes are not visible");
}

#[tokio::test]
async fn layers_are_at_opt() {
    let running = worker("Timeout: 60, Layers: ['arn:aws:lambda:us-east-1:000000000000:layer:l:1']");
    let mut settings = settings(running.folder.path().to_owned(), running.lines.log());
    let file = running.folder.path().join("tool");
    std::fs::write(&file, "of the layer").unwrap();
    settings.layers = vec![LayerFile { at: "bin/tool".into(), file }];
    let lambda = Lambda::new(&settings, &running.model.functions).unwrap();
    let layered = Running { lambda, ..running };
    let expected = if keeps_apart() { json!(["tool"]) } else { probe(&layered).await["layers"].clone() };
    assert_eq!(probe(&layered).await["layers"], expected);
}

#[tokio::test]
async fn a_process_that_a_function_started_ends_with_it() {
    let running = worker("Timeout: 60");
    let child = running.succeed(json!({"do": "start-another"})).await.as_u64().unwrap();
    assert!(is_alive(child));
    running.fail(json!({"do": "crash"})).await;
    if keeps_apart() {
        until("it is gone", || !is_alive(child)).await;
    }
}

#[tokio::test]
async fn a_single_program_is_the_bootstrap() {
    let running = worker("Timeout: 60");
    let folder = tempfile::tempdir().unwrap();
    let text = "#!/bin/sh\necho \"$0 $PWD $(ls)\" >&2\n";
    crate::setup::script(&folder.path().join("worker"), text);
    let settings = settings(folder.path().to_owned(), running.lines.log());
    let single = Running { lambda: Lambda::new(&settings, &running.model.functions).unwrap(), ..running };
    single.fail(json!({})).await;
    let expected = if keeps_apart() {
        "/var/task/bootstrap /var/task bootstrap".to_owned()
    } else {
        format!("{0}/worker {0} worker", folder.path().display())
    };
    until("it said so", || single.lines.text().contains(&expected)).await;
}
