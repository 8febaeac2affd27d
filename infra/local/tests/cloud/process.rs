//! The whole program: start, stop, kill, restart.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use files_local::runtime::Jail;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::board::Board;
use crate::http::request;
use crate::setup::{functions, is_alive, script, until};

const TEMPLATE: &str = r#"Parameters:
  Address: {Type: String, Default: unknown}
Resources:
  W: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f/worker, Timeout: 20,
      Environment: {Variables: {BOARD: 'BOARD-ADDRESS', ADDRESS: !Ref Address, TOOL: /opt/bin/tool}}, Events: {
      Made: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*',
        Filter: {S3Key: {Rules: [{Name: prefix, Value: files/}]}}}},
      Do: {Type: HttpApi, Properties: {Method: ANY, Path: '/{do}'}}}}}
  Table: {Type: 'AWS::DynamoDB::Table', Properties: {
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}], KeySchema: [{AttributeName: pk, KeyType: HASH}]}}
  Bucket: {Type: 'AWS::S3::Bucket', Properties: {BucketName: bucket}}
  Queue: {Type: 'AWS::SQS::Queue'}
  Alarm: {Type: 'AWS::CloudWatch::Alarm'}
"#;

pub(crate) struct Place {
    pub(crate) data: TempDir,
    pub(crate) functions: TempDir,
    pub(crate) board: Board,
}

impl Place {
    pub(crate) fn new(names: &[&str]) -> Self {
        let (data, functions, board) = (tempfile::tempdir().unwrap(), functions(names), Board::start());
        let template = TEMPLATE.replace("BOARD-ADDRESS", &board.address);
        std::fs::write(functions.path().join("template.yaml"), template).unwrap();
        Self { data, functions, board }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_files-local"));
        command.args(["--port", "0"]).arg("--data").arg(self.data.path());
        command.arg("--functions").arg(self.functions.path());
        command.arg("--template").arg(self.functions.path().join("template.yaml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program, and waits until it is ready.
    pub(crate) async fn start(&self) -> Cloud {
        self.start_with(&[]).await
    }

    /// Starts the program with more arguments.
    pub(crate) async fn start_with(&self, arguments: &[&str]) -> Cloud {
        let child = self.command().args(arguments).spawn().unwrap();
        let file = self.data.path().join("ready.json");
        until("ready.json is there", || file.exists()).await;
        let ready: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        Cloud { child: Some(child), ready }
    }
}

/// A running program, killed if a test fails.
pub(crate) struct Cloud {
    child: Option<Child>,
    pub(crate) ready: Value,
}

impl Cloud {
    pub(crate) fn get(&self, path: &str) -> crate::http::Response {
        self.send("GET", path, "")
    }

    /// Sends a JSON body.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> crate::http::Response {
        let api = self.ready["api"].as_str().unwrap();
        let authority = api.trim_start_matches("http://");
        request(authority, method, path, &[("Content-Type", "application/json")], body.as_bytes())
    }

    pub(crate) async fn put(&self, key: &str) {
        use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
        let text = |name: &str| self.ready[name].as_str().unwrap().to_owned();
        let keys = Credentials::new(text("access_key_id"), text("secret_access_key"), None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(text("region")))
            .endpoint_url(text("s3"))
            .force_path_style(true)
            .credentials_provider(keys)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let put = aws_sdk_s3::Client::from_conf(config).put_object().bucket("bucket").key(key);
        put.body(b"bytes".to_vec().into()).send().await.unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        // The shell's built-in `kill`: not every machine has the program.
        let kill = format!("kill {name} {}", self.child.as_ref().unwrap().id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub(crate) fn output(mut self) -> Output {
        self.child.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_stop_ends_all_processes() {
    for signal in ["-INT", "-TERM"] {
        let place = Place::new(&["worker"]);
        let cloud = place.start().await;
        assert_eq!(mode(&place.data.path().join("ready.json")), 0o600);
        let pid = cloud.get("/echo").json()["pid"].as_u64().unwrap();
        assert!(is_alive(pid));
        cloud.signal(signal);
        let (api, output) = (cloud.ready["api"].clone(), cloud.output());
        assert!(output.status.success(), "{output:?}");
        assert!(!is_alive(pid));
        assert!(!place.data.path().join("ready.json").exists());
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains(&format!("{} is ready", api.as_str().unwrap())), "{shown}");
        let list = place.data.path().join("without-effect.txt");
        assert!(shown.contains(&format!(
            "2 kinds of resources and properties have no effect here: see {}",
            list.display()
        )));
        assert_eq!(std::fs::read_to_string(list).unwrap(), "AWS::CloudWatch::Alarm: Alarm\nMemorySize: W\n");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[tokio::test]
async fn a_kill_ends_all_processes_and_loses_nothing() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    let pid = cloud.get("/echo").json()["pid"].as_u64().unwrap();
    cloud.signal("-KILL");
    let before = cloud.ready.clone();
    cloud.output();
    until("the function is gone", || !is_alive(pid)).await;
    std::fs::remove_file(place.data.path().join("ready.json")).unwrap();
    let again = place.start().await;
    for kept in ["s3", "dynamodb", "sqs", "resources", "secret_access_key"] {
        assert_eq!(again.ready[kept], before[kept], "{kept}");
    }
    assert_eq!(again.get("/echo").status, 200);
    assert_eq!(again.get("/_local/calls").text(), "{}", "the start itself is not counted");
}

#[tokio::test]
async fn the_event_of_an_object_survives_a_kill() {
    let place = Place::new(&["worker"]);
    let times = |key: &str| place.board.seen().matches(&format!("\"key\":\"{key}\"")).count();
    let cloud = place.start().await;
    cloud.put("other/a").await;
    cloud.put("files/a+b").await;
    until("the event came", || times("files/a%2Bb") == 1).await;
    assert_eq!(times("other/a"), 0, "another prefix");
    cloud.put("files/hold").await;
    until("the function is busy with it", || times("files/hold") == 1).await;
    cloud.signal("-KILL");
    cloud.output();
    place.board.open("gate");
    std::fs::remove_file(place.data.path().join("ready.json")).unwrap();
    let again = place.start().await;
    until("it came again", || times("files/hold") == 2).await;
    again.put("files/last").await;
    until("the last one came", || times("files/last") == 1).await;
    assert_eq!(
        (times("files/a%2Bb"), times("files/hold")),
        (1, 2),
        "finished events are not delivered again"
    );
}

#[tokio::test]
async fn resources_are_named_by_their_logical_ids() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    let queue = format!("{}/000000000000/files-local-Queue", cloud.ready["sqs"].as_str().unwrap());
    let resources =
        json!({"W": "files-local-W", "Table": "files-local-Table", "Bucket": "bucket", "Queue": queue});
    assert_eq!(cloud.ready["resources"], resources);
}

#[tokio::test]
async fn the_setup_command_runs_before_the_cloud_is_ready() {
    let place = Place::new(&["worker"]);
    let setup =
        r#"cat > "$LOCAL_DATA/seen" && test ! -e "$LOCAL_DATA/ready.json" && echo "set up $LOCAL_API""#;
    let cloud = place.start_with(&["--setup", setup]).await;
    let seen = std::fs::read(place.data.path().join("seen")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&seen).unwrap(), cloud.ready, "the content of ready.json");
    cloud.signal("-TERM");
    let api = cloud.ready["api"].as_str().unwrap().to_owned();
    let shown = String::from_utf8(cloud.output().stdout).unwrap();
    assert!(shown.contains(&format!("set up {api}\n")), "{shown}");

    let output = place.command().args(["--setup", "exit 3"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("the setup command failed"), "{error}");
    assert!(!place.data.path().join("ready.json").exists());
}

#[tokio::test]
async fn parameters_can_contain_the_apis_url_and_functions_find_their_layers() {
    let place = Place::new(&["worker"]);
    let tool = place.functions.path().join("tool");
    script(&tool, "#!/bin/sh\n");
    let layer = format!("bin/tool={}", tool.display());
    let cloud = place.start_with(&["--parameter", "Address={api}/v2", "--layer", &layer]).await;
    let environment = cloud.get("/echo").json()["variables"].take();
    assert_eq!(environment["ADDRESS"], format!("{}/v2", cloud.ready["api"].as_str().unwrap()));
    let named = environment["TOOL"].as_str().unwrap();
    let has_opt = Jail::detect().unwrap().keeps_apart();
    assert_eq!(named, if has_opt { "/opt/bin/tool" } else { tool.to_str().unwrap() });
}

#[tokio::test]
async fn a_second_start_on_the_same_folder_is_refused() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    let second = place.command().output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("is in use"), "{second:?}");
    assert!(place.data.path().join("ready.json").exists(), "the first one's");
    assert_eq!(cloud.get("/echo").status, 200);

    let unbuilt = Place::new(&[]);
    let output = unbuilt.command().output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("worker") && told.contains("--functions"), "{told}");
    let port = cloud.ready["api"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let taken = unbuilt.command().args(["--port", &port]).output().unwrap();
    assert!(String::from_utf8_lossy(&taken.stderr).contains("--port"), "{taken:?}");
}
