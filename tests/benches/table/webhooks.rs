//! Webhooks and requests that wait, with warm functions: how long after the end of the work on a file they come, and their calls.

use std::time::{Duration, SystemTime};

use files_domain::Timestamp;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Response, WebhookReceiver, media, until};
use http::Method;
use serde_json::{Value, json};

use crate::operations::formatted;
use crate::stats::Times;

/// From the end of the work to the receiver, the median.
const MAX_DELAY_MS: f64 = 150.0;
/// From the end of the work to the response of a request that waits, nine of ten.
const MAX_WAIT_MS: f64 = 300.0;

const ENDPOINT: usize = 0;
const REDELIVERY: usize = 2;
const WAIT: usize = 3;
const ROWS: [(&str, &str); 4] = [
    ("event, to the receiver of an endpoint", "deliver-webhook"),
    ("event, to the URL of the file", "deliver-webhook"),
    ("further attempt, from the request for it", "deliver-webhook"),
    ("`wait`, to its response", "get-file"),
];

struct Row {
    times: Times,
    calls: Value,
    consumed: Value,
}

struct Bench {
    cloud: Cloud,
    /// An owner with an endpoint, and one whose files name their receiver.
    owners: [Owner; 2],
    receiver: WebhookReceiver,
    rows: Vec<Row>,
}

pub(crate) async fn measure(rounds: usize) -> Vec<String> {
    let mut bench = Bench::new().await;
    for round in 0..=rounds {
        for row in 0..ROWS.len() {
            bench.round(row, round > 0).await;
        }
    }
    println!(
        "\n| webhooks and waits, warm | calls of its function | read units | write units | median, ms | 9 of 10, ms |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for ((name, _), row) in ROWS.iter().zip(&bench.rows) {
        let [read, write] =
            ["read_units", "write_units"].map(|units| row.consumed[units].as_f64().unwrap_or(0.0));
        let (calls, median, slow) = (formatted(&row.calls), row.times.median(), row.times.slow());
        println!("| {name} | {calls} | {read} | {write} | {median:.1} | {slow:.1} |");
    }
    bench.over_budget()
}

impl Bench {
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.meter().await;
        let (owners, receiver) =
            ([cloud.owner().await, cloud.owner().await], WebhookReceiver::start(&[]).await);
        let endpoint = owners[ENDPOINT].request(Method::POST, "/webhook-endpoints");
        let endpoint = endpoint.header("content-type", "application/json");
        Response::to(endpoint.body(json!({"url": receiver.url}).to_string())).await.expect(201);
        let row = |_| Row { times: Times::default(), calls: Value::Null, consumed: Value::Null };
        Self { cloud, owners, receiver, rows: ROWS.map(row).into() }
    }

    /// Measures a row once.
    async fn round(&mut self, row: usize, counts: bool) {
        let took = match row {
            REDELIVERY => self.redelivery().await,
            WAIT => self.wait().await,
            owner => self.event(owner).await,
        };
        let function = ROWS[row].1;
        let (calls, consumed) = (self.cloud.calls(function).await, self.cloud.consumed(function).await);
        if counts {
            self.rows[row].times.add(took);
            (self.rows[row].calls, self.rows[row].consumed) = (calls, consumed);
        }
    }

    /// Has a file probed, and returns how long its event was on its way.
    async fn event(&self, owner: usize) -> Duration {
        let (before, owner) = (self.receiver.count(), &self.owners[owner]);
        let file = self.announce(owner).await;
        self.cloud.reset_calls().await;
        owner.put(&file, media::PNG.clone()).await.expect(200);
        let delay = self.receiver.wait_for(before + 1).await[before].delay();
        delivered(owner, &file).await;
        delay
    }

    /// Announces a file that names the receiver, unless its owner has an endpoint.
    async fn announce(&self, owner: &Owner) -> Value {
        let webhook = (owner.name() != self.owners[ENDPOINT].name()).then_some(&self.receiver.url);
        let mut body = json!({"name": "a.png", "size": media::PNG.len(), "content_type": "image/png"});
        if let Some(url) = webhook {
            body["webhook"] = json!(url);
        }
        owner.announce_as(&body).await
    }

    /// Has a delivery repeated. Returns the time from the request to the receiver.
    async fn redelivery(&self) -> Duration {
        let owner = &self.owners[ENDPOINT];
        let page = owner.get("/deliveries?limit=1").await.expect(200).json();
        let delivery = &page["deliveries"][0];
        let before = self.receiver.count();
        self.cloud.reset_calls().await;
        let started = SystemTime::now();
        let path = format!("/deliveries/{}/redeliver", id(delivery));
        Response::to(owner.request(Method::POST, &path)).await.expect(202);
        let arrived = self.receiver.wait_for(before + 1).await[before].at;
        delivered(owner, &json!({"id": delivery["file"]})).await;
        arrived.duration_since(started).unwrap_or_default()
    }

    /// Waits for a file whose bytes come at some moment of the wait. Returns the time from the end of its work to the response.
    async fn wait(&self) -> Duration {
        let owner = &self.owners[ENDPOINT];
        let file = self.announce(owner).await;
        let before = self.receiver.count();
        self.cloud.reset_calls().await;
        let path = format!("/files/{}?wait=20", id(&file));
        let (response, ()) = tokio::join!(owner.get(&path), async {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(500..1_500))).await; // any phase of the polls
            owner.put(&file, media::PNG.clone()).await.expect(200);
        });
        let now = Timestamp::from(SystemTime::now());
        let file = response.expect(200).json();
        assert_eq!(file["status"], "success");
        let ended = file["updated_at"].as_str().and_then(Timestamp::parse).expect("a timestamp");
        self.receiver.wait_for(before + 1).await;
        delivered(owner, &file).await;
        Duration::from_millis(now.millis().saturating_sub(ended.millis()))
    }

    fn over_budget(&self) -> Vec<String> {
        let mut over = Vec::new();
        for ((name, function), row) in ROWS.iter().zip(&self.rows) {
            let expected = match *function {
                "get-file" => continue,
                _ if *name == ROWS[REDELIVERY].0 => json!({"UpdateItem": 1, "BatchGetItem": 1, "PutItem": 1}),
                _ => {
                    json!({"GetItem": 1, "BatchGetItem": 1, "Query": 1, "TransactWriteItems": 1, "UpdateItem": 1, "PutItem": 1})
                }
            };
            if row.calls != json!({"dynamodb": expected}) {
                over.push(format!("{name}: {}", row.calls));
            }
            let median = row.times.median();
            if median > MAX_DELAY_MS {
                over.push(format!("{name}: {median:.0} ms"));
            }
        }
        let slow = self.rows[WAIT].times.slow();
        over.extend((slow > MAX_WAIT_MS).then(|| format!("a response to a wait: {slow:.0} ms")));
        over
    }
}

/// Waits until the records say that a file's delivery has ended.
async fn delivered(owner: &Owner, file: &Value) {
    until("the delivery is recorded", async || {
        let path = format!("/deliveries?status=pending&file={}", id(file));
        let page = owner.get(&path).await.expect(200).json();
        page["deliveries"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
}
