//! The table of what malicious requests cost, in the documentation: calls, read and write units of the cheapest one of each kind, the
//! longest time of the function, and the limit that bounds it.

use std::collections::BTreeMap;

use files_domain::{ApiKey, FileId, Metadata, OwnerId, UploadToken};
use files_local::template::{Model, Surroundings, load};
use files_tests::cloud::now;
use files_tests::generated::assert_section;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, RawSource, Response, Script, media, skip_on_deployment};
use http::Method;
use serde_json::{Value, json};

use crate::every_route::{post_json, to};

/// Maximum number of write units of a creation or a change, whatever its metadata: random characters of four bytes shrink to three
/// quarters.
const MAX_WRITE_UNITS: f64 = 184.0;

/// Maximum number of ranged reads of an object by a probe. How many there are before ffprobe reaches its limit depends on the machine.
const MAX_READS: u64 = 16;

/// The rows that have been measured.
struct Table<'a> {
    cloud: &'a Cloud,
    /// The template, which has the timeouts of the functions.
    model: Model,
    text: String,
}

/// What one request cost.
#[derive(Default)]
struct Cost {
    calls: BTreeMap<String, u64>,
    read_units: f64,
    write_units: f64,
    /// Bytes of DynamoDB's requests and responses.
    bytes: u64,
}

/// Returns a size in KiB, rounded up to a power of two, since ids and times differ in each run.
fn kib_at_most(bytes: u64) -> String {
    if bytes == 0 { "0".to_owned() } else { format!("≤ {}", bytes.div_ceil(1_024).next_power_of_two()) }
}

impl<'a> Table<'a> {
    fn new(cloud: &'a Cloud) -> Self {
        let head = "| request | AWS calls | read units | write units | DynamoDB, KiB | function's timeout | bounded by |\n\
             | --- | --- | ---: | ---: | ---: | ---: | --- |\n";
        let url = || "http://127.0.0.1".to_owned();
        let around = Surroundings { parameters: BTreeMap::new(), sqs_url: url(), api_url: url() };
        let model = load(include_str!("../../../template.yaml"), &around).expect("the template");
        Self { cloud, model, text: head.to_owned() }
    }

    /// Measures one operation, by the calls of these functions.
    async fn row<T>(
        &mut self,
        what: &str,
        bound: &str,
        functions: &[&str],
        operation: impl Future<Output = T>,
    ) -> (Cost, T) {
        self.cloud.reset_calls().await;
        let outcome = operation.await;
        let mut cost = Cost::default();
        for function in functions {
            let calls = self.cloud.calls(function).await;
            let services = calls.as_object().into_iter().flatten();
            for (name, count) in services.filter_map(|(_, operations)| operations.as_object()).flatten() {
                *cost.calls.entry(name.clone()).or_default() += count.as_u64().unwrap_or(0);
            }
            let consumed = self.cloud.consumed(function).await;
            cost.read_units += consumed["read_units"].as_f64().unwrap_or(0.0);
            cost.write_units += consumed["write_units"].as_f64().unwrap_or(0.0);
            cost.bytes += consumed["bytes"].as_u64().unwrap_or(0);
        }
        let calls: Vec<_> = cost.calls.iter().map(|(name, count)| calls_of(name, *count)).collect();
        let calls = if calls.is_empty() { "none".to_owned() } else { calls.join(", ") };
        let (read, write) = (cost.read_units, cost.write_units);
        let kib = kib_at_most(cost.bytes);
        let timeout = self.timeout(functions);
        let row = format!("| {what} | {calls} | {read} | {write} | {kib} | {timeout} s | {bound} |\n");
        self.text.push_str(&row);
        (cost, outcome)
    }

    /// Returns the longest timeout of these functions in the template, in seconds.
    fn timeout(&self, functions: &[&str]) -> u64 {
        let these = self.model.functions.iter().filter(|function| functions.contains(&&*function.binary));
        these.map(|function| function.timeout.as_secs()).max().expect("functions of the template")
    }
}

/// Returns the number of calls of an operation of AWS; for reads of an object, the most that a probe makes.
fn calls_of(operation: &str, count: u64) -> String {
    if operation == "GetObject" {
        assert!(count <= MAX_READS, "{count} reads");
        return format!("≤ {MAX_READS} `{operation}`");
    }
    format!("{count} `{operation}`")
}

/// Returns the longest metadata that the API takes: random characters of four bytes, which hardly compress.
fn longest_metadata() -> Value {
    let mut random = fastrand::Rng::with_seed(7);
    let mut text =
        |chars: usize| -> String { (0..chars).map(|_| random.char('\u{10000}'..='\u{10ffff}')).collect() };
    let entry = |_| (text(Metadata::MAX_KEY_CHARS), json!(text(Metadata::MAX_VALUE_CHARS)));
    Value::Object((0..Metadata::MAX_KEYS).map(entry).collect())
}

#[tokio::test]
async fn the_documentation_has_what_malicious_requests_cost() {
    skip_on_deployment!("counts calls and units");
    let cloud = Cloud::start().await;
    cloud.meter().await;
    let (owner, stranger) = (cloud.owner().await, cloud.owner().await);
    let mut table = Table::new(&cloud);
    keys(&mut table, &owner).await;
    others(&mut table, &owner, &stranger).await;
    metadata(&mut table, &owner).await;
    uploads(&mut table, &owner).await;
    media(&mut table, &owner).await;
    assert_section("refusals.md", "costs", &table.text);
}

/// Adds requests with invalid keys.
async fn keys(table: &mut Table<'_>, owner: &Owner) {
    let get = async |key: &str| {
        let path = format!("/files/{}", FileId::new(now()));
        owner.with_key(key).get(&path).await.expect(401)
    };
    let forged = ApiKey::generate(OwnerId::named(owner.name())).expect("randomness");
    let bound = "the checksum in a key";
    table.row("get, text that is no key", bound, &["get-file"], get("fm_0123")).await;
    let bound = "the key is read alone, or with the one file; `ThrottlingRate`";
    table.row("get, a key that was never issued", bound, &["get-file"], get(forged.reveal())).await;
    let bound = "each process caches 10,000 invalid keys for 30 s";
    table.row("the same again", bound, &["get-file"], get(forged.reveal())).await;
    let creator = ApiKey::parse(owner.key()).expect("a key").hash();
    let token = UploadToken::generate(OwnerId::named(owner.name()), creator).expect("randomness");
    let holder = owner.with_key(token.reveal());
    let sign = async || {
        let path = format!("/uploads/{}/sign", FileId::new(now()));
        Response::to(to(&holder, Method::POST, &path)).await.expect(401)
    };
    let bound = "token, key, limits and file are one read; `ThrottlingRate`";
    table.row("sign, an upload token that was never issued", bound, &["sign-upload"], sign()).await;
}

/// Files of another owner.
async fn others(table: &mut Table<'_>, owner: &Owner, stranger: &Owner) {
    let file = owner.announce("a.mp4", 3, "video/mp4").await;
    let path = format!("/files/{}", id(&file));
    stranger.get(&path).await.expect(404);
    let bound = "`requests_per_second`";
    table.row("get, another owner's id", bound, &["get-file"], stranger.get(&path)).await;
    let ids: Vec<_> = (0..100).map(|_| FileId::new(now()).to_string()).collect();
    let delete =
        async || Response::to(post_json(stranger, "/files/delete", &json!({"ids": ids}))).await.expect(200);
    delete().await;
    let bound = "100 ids of a request; `requests_per_second`";
    table
        .row("delete 100 files of other owners, or that do not exist", bound, &["delete-files"], delete())
        .await;
}

/// Adds requests with the longest metadata.
async fn metadata(table: &mut Table<'_>, owner: &Owner) {
    let announced = json!({"name": "a.mp4", "size": 3, "content_type": "video/mp4"});
    let with = |metadata: Value| {
        let mut body = announced.clone();
        body["metadata"] = metadata;
        body
    };
    let (longest, create) = (with(longest_metadata()), ["create-file"]);
    owner.announce_as(&announced).await;
    table.row("create, presigned", "`pending_uploads`", &create, owner.announce_as(&announced)).await;
    let bound = "50 keys of 64 characters with values of 512, which are stored compressed; `files`, `pending_uploads`";
    let (cost, file) = table
        .row("create, the longest metadata (115,200 bytes)", bound, &create, owner.announce_as(&longest))
        .await;
    assert!(cost.write_units <= MAX_WRITE_UNITS, "{} write units", cost.write_units);
    let path = format!("/files/{}", id(&file));
    assert_eq!(owner.get(&path).await.expect(200).json()["metadata"], longest["metadata"]);
    let bound = "`requests_per_second`";
    table.row("get, the longest metadata", bound, &["get-file"], owner.get(&path)).await;
    let change = json!({"metadata": longest_metadata()});
    owner.update(&file, &json!({"metadata": {}})).await.expect(200);
    let (cost, _) = table
        .row("update, the longest metadata", bound, &["update-file"], owner.update(&file, &change))
        .await;
    assert!(cost.write_units <= MAX_WRITE_UNITS, "{} write units", cost.write_units);
    let token = async || Response::to(post_json(owner, "/upload-tokens", &change)).await.expect(201).json();
    token().await;
    let (_, token) = table
        .row("create an upload token, the longest metadata", bound, &["create-upload-token"], token())
        .await;
    let holder = owner.with_key(token["token"].as_str().expect("a token"));
    let bound = "`max_files` of the token, `pending_uploads`";
    table.row("create a file by that token", bound, &create, holder.announce_as(&announced)).await;
}

/// Signatures without uploads.
async fn uploads(table: &mut Table<'_>, owner: &Owner) {
    let large = owner.announce_parts("a.mp4", 8_000 << 20).await;
    owner.sign_parts(&large, &[1]).await;
    let thousand: Vec<u32> = (1..=1_000).collect();
    let bound = "1,000 parts of a request; signing makes no call";
    table.row("sign 1,000 parts", bound, &["sign-parts"], owner.sign_parts(&large, &thousand)).await;
}

/// Adds media and sources that take time.
async fn media(table: &mut Table<'_>, owner: &Owner) {
    let silent = RawSource::start(Script::Silence).await;
    let ask = async || {
        Response::to(post_json(owner, "/preview", &json!({"file_url": silent.url("/")}))).await.expect(422)
    };
    ask().await;
    let bound = "`previews` of an owner at once; 25 s of each";
    table.row("preview, a silent source", bound, &["preview-url"], ask()).await;
    let probe =
        async || owner.wait_until_success(&owner.upload("a.mp3", &media::tagged_mp3(100_000)).await).await;
    let bound = "10 s of processor time of the first run of ffprobe, 5 s of each later one, 48 s of all; 60 s of the probe";
    let (_, file) =
        table.row("probe, an MP3 with 100,000 tags", bound, &["probe-file", "probe-record"], probe()).await;
    let error = file["ffprobe_error"].as_str().expect("an error");
    assert!(error.contains("processor time"), "{error}");
}
