//! Advances the local cloud's clock while faults are injected.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use files_domain::Timestamp;
use serde_json::{Value, json};

use crate::client::http_client;
use crate::ready::{Ready, ready_in};
use crate::{Backend, faults};

/// Seconds by which the cloud's clock advances per [`STEP`], so that late and repeated events arrive within seconds.
const AHEAD: u64 = 150;
const STEP: Duration = Duration::from_millis(1_500);
/// Speed of the cloud's clock relative to the machine's.
const PACE: u32 = 100;

/// Advances a cloud's clock until it is dropped. Uses a thread, because a shared cloud outlives the test that started it.
pub(crate) struct AdvancingClock {
    _stop: Sender<()>,
}

impl AdvancingClock {
    /// Starts advancing the clock of the cloud whose data is in `folder`.
    pub(crate) fn start(folder: PathBuf) -> Self {
        let (stop, stopped) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let (runtime, client) = (runtime.expect("a runtime"), http_client());
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                // The clock stands still while the cloud is down.
                if let Some(ready) = ready_in(&folder) {
                    let _ = runtime.block_on(advance(&client, &ready));
                }
            }
        });
        Self { _stop: stop }
    }
}

async fn advance(client: &reqwest::Client, ready: &Ready) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}/_local/clock", ready.api);
    client.post(url).body(json!({ "advance_seconds": AHEAD }).to_string()).send().await
}

/// Ends the deadline of a multipart upload that began at `start` as soon as it has passed by the cloud's clock, if faults are
/// injected. Functions compare deadlines with their own clock, which is not advanced. An interrupted completion has a deadline
/// of 90 s.
pub(crate) async fn let_time_pass(backend: Option<&Backend>, file: &Value, start: Instant) {
    let (true, Some(backend)) = (faults::are_injected(), backend) else { return };
    let id = file["id"].as_str().expect("an id");
    let item = backend.file_item(id).await;
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let passed = Timestamp::from(SystemTime::now()).plus(start.elapsed() * PACE);
    let is_due = number("due_at").is_some_and(|due| due > 1 && due <= passed.millis());
    let is_multipart = item.contains_key("part_size") || item.contains_key("multipart");
    if is_due && is_multipart {
        backend.change_numbers(&format!("file#{id}"), &[("due_at", 1)]).await;
    }
}
