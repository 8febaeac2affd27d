//! Each operation, with a warm function, as a client of the local cloud sees it.

use std::time::{Duration, Instant};

use files_tests::cloud::children;
use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, Reply, Response, SourceServer, media};
use http::Method;
use serde_json::{Value, json};

use crate::stats::{Times, peak_memory_mb};

/// An operation: its name, its function, its measurements.
struct Row {
    name: &'static str,
    function: &'static str,
    times: Times,
    calls: Value,
    consumed: Value,
}

const ROWS: [(&str, &str); 12] = [
    ("create, form of 100 kB", "create-file"),
    ("create, presigned", "create-file"),
    ("create, import", "create-file"),
    ("import of 100 kB, until it is stored", "import-file"),
    ("probe of an MP4, until it is a success", "probe-file"),
    ("list 100", "list-files"),
    ("get", "get-file"),
    ("download, the redirect", "download-file"),
    ("preview of a file", "preview-url"),
    ("preview of a web page", "preview-url"),
    ("delete", "delete-file"),
    ("an invocation of probe-record, as a probe makes two", "probe-record"),
];

/// The row of a page of 100 files, whose read units are limited.
const LIST: usize = 5;
const MAX_PAGE_UNITS: f64 = 13.0;
/// The row of a probe, which includes the calls of both its functions.
const PROBE: usize = 4;
/// The row of a probe's first invocation.
const INVOCATION: usize = 11;
/// The row of a web page that yt-dlp reads.
const PAGE: usize = 9;

struct Bench {
    cloud: Cloud,
    owner: Owner,
    /// An owner with a list of 100 files.
    lister: Owner,
    file: Value,
    source: SourceServer,
    rows: Vec<Row>,
    /// The time of the first page, in which Python starts and yt-dlp is loaded.
    first_page: Duration,
}

pub(crate) async fn measure(rounds: usize) -> Vec<String> {
    let mut bench = Bench::new().await;
    for round in 0..=rounds {
        bench.round(round == 0).await;
    }
    println!(
        "\n| operation, warm | AWS calls | read units | write units | DynamoDB, bytes | median, ms | 9 of 10, ms | memory of its function, MB |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in &bench.rows {
        let memory = children(bench.cloud.process()).into_iter().filter(|(_, name)| *name == row.function);
        let memory = memory.filter_map(|(process, _)| peak_memory_mb(process)).fold(0.0, f64::max);
        let (name, calls, (median, slow)) =
            (row.name, formatted(&row.calls), (row.times.median(), row.times.slow()));
        let [read, write] =
            ["read_units", "write_units"].map(|units| row.consumed[units].as_f64().unwrap_or(0.0));
        let bytes = &row.consumed["bytes"];
        println!("| {name} | {calls} | {read} | {write} | {bytes} | {median:.1} | {slow:.1} | {memory:.0} |");
    }
    println!(
        "\nThe first preview of a web page, for which Python has to start, took {:.0} ms; the others, {:.0}.",
        bench.first_page.as_secs_f64() * 1e3,
        bench.rows[PAGE].times.median()
    );
    let page = &bench.rows[LIST].consumed["read_units"];
    let units = page.as_f64().filter(|units| *units > 0.0).expect("a list reads something");
    (units > MAX_PAGE_UNITS).then(|| format!("a page of 100 reads {units} read units")).into_iter().collect()
}

/// Formats calls as `2 GetObject, 1 HeadObject`.
pub(crate) fn formatted(calls: &Value) -> String {
    let services = calls.as_object().into_iter().flatten();
    let operations = services.filter_map(|(_, operations)| operations.as_object()).flatten();
    let counts: Vec<_> = operations.map(|(name, count)| format!("{count} `{name}`")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

impl Bench {
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.meter().await;
        let (owner, lister) = (cloud.owner().await, cloud.owner().await);
        let file = owner.wait_until_success(&owner.upload("clip.mp4", &media::MP4).await).await;
        for _ in 0..100 {
            lister.announce("clip.mp4", 5, "video/mp4").await;
        }
        let source = SourceServer::start().await;
        source.serve("/clip", Reply::bytes(media::noise(100_000, 1)));
        let video =
            source.serve("/film.mp4", Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4"));
        let page =
            format!("<head><title>A film</title><meta property=\"og:video\" content=\"{video}\"></head>");
        source.serve("/page", Reply::bytes(page).header("content-type", "text/html"));
        let row = |(name, function)| Row {
            name,
            function,
            times: Times::default(),
            calls: Value::Null,
            consumed: Value::Null,
        };
        Self { cloud, owner, lister, file, source, rows: ROWS.map(row).into(), first_page: Duration::ZERO }
    }

    /// Measures each operation once.
    async fn round(&mut self, is_first: bool) {
        let noise = media::noise(100_000, 2);
        let path = format!("/files/{}", id(&self.file));
        for index in 0..self.rows.len() {
            self.cloud.reset_calls().await;
            let (owner, started) = (&self.owner, Instant::now());
            let (took, made) = match index {
                0 => {
                    let form = Form::new().file("a.bin", None, &noise);
                    let file = Response::to(owner.form(form)).await.expect(201).json();
                    (started.elapsed(), Some(file))
                }
                1 => {
                    let file = owner.announce("a.mp4", 5, "video/mp4").await;
                    (started.elapsed(), Some(file))
                }
                2 => {
                    let file = owner.import(&self.source.url("/clip")).await;
                    (started.elapsed(), Some(file))
                }
                3 => {
                    let file = owner.import(&self.source.url("/clip")).await;
                    let file = owner.wait_for(&file, |file| file["size"].is_u64()).await;
                    (started.elapsed(), Some(file))
                }
                PROBE => self.probe().await,
                5 => {
                    self.lister.list("?limit=100").await;
                    (started.elapsed(), None)
                }
                6 => {
                    owner.get(&path).await.expect(200);
                    (started.elapsed(), None)
                }
                7 => {
                    owner.get(Owner::download_url(&self.file)).await.expect(302);
                    (started.elapsed(), None)
                }
                8 => {
                    self.preview("/film.mp4").await;
                    (started.elapsed(), None)
                }
                PAGE => {
                    self.preview("/page").await;
                    (started.elapsed(), None)
                }
                INVOCATION => (self.begin_probe().await, None),
                _ => {
                    let file = owner.announce("a.mp4", 5, "video/mp4").await;
                    let started = Instant::now();
                    owner.delete(&file).await.expect(204);
                    (started.elapsed(), None)
                }
            };
            let mut calls = self.cloud.calls(self.rows[index].function).await;
            if index == PROBE {
                let record = self.cloud.calls("probe-record").await;
                calls.as_object_mut().expect("calls").extend(record.as_object().cloned().unwrap_or_default());
            }
            // The function of a probe has no permissions on the table: probe-record reads and writes the record.
            let function = if index == PROBE { "probe-record" } else { self.rows[index].function };
            let consumed = self.cloud.consumed(function).await;
            if let Some(file) = made {
                self.owner.wait_for(&file, |file| file["status"] != "running").await;
                self.owner.delete(&file).await.expect(204);
            }
            if is_first && index == PAGE {
                self.first_page = took;
            }
            if !is_first {
                self.rows[index].times.add(took);
                self.rows[index].calls = calls;
                self.rows[index].consumed = consumed;
            }
        }
    }

    async fn preview(&self, path: &str) {
        let body = json!({"file_url": self.source.url(path)}).to_string();
        let request = self.owner.request(Method::POST, "/preview").header("content-type", "application/json");
        Response::to(request.body(body)).await.expect(200);
    }

    /// Invokes probe-record once, which reads a record and signs a URL.
    async fn begin_probe(&self) -> Duration {
        let backend = &self.owner.backend;
        let waiting = self.owner.announce("clip.mp4", 5, "video/mp4").await;
        let request = json!({"begin": {"key": backend.object_key(id(&waiting))}}).to_string();
        let started = Instant::now();
        let invoke = backend.lambda.invoke().function_name("files-local-ProbeRecordFunction");
        let output = invoke.payload(request.into_bytes().into()).send().await.expect("an invocation");
        assert!(output.function_error.is_none(), "{output:?}");
        started.elapsed()
    }

    /// Measures from the end of a presigned PUT to the file's success.
    async fn probe(&self) -> (Duration, Option<Value>) {
        let file = self.owner.announce("clip.mp4", media::MP4.len(), "video/mp4").await;
        self.owner.put(&file, media::MP4.clone()).await.expect(200);
        let started = Instant::now();
        self.owner.wait_until_success(&file).await;
        (started.elapsed(), Some(file))
    }
}
