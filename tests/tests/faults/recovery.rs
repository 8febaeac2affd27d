//! Recovery after the faults: the clock advances by hours, and all work must end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use files_tests::backend::{Item, status, text};
use files_tests::{Cloud, Owner};

use crate::invariants::id_in;

/// A time in the past.
pub(crate) const LONG_AGO: u64 = 1;
/// Longer than any visibility timeout, retry or delay, in seconds of the cloud's clock.
const HALF_AN_HOUR: u64 = 1_801;
/// Maximum of advances; work that is open after them never ends.
const ROUNDS: u32 = 12;
/// The clock is advanced when nothing has changed for this long: a running import saves its progress every 2 s.
const STILL: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(50);

/// Advances the clock until all work has ended. Faults must be removed before.
///
/// # Panics
/// Some work never ends; the message names it.
pub(crate) async fn recover(cloud: &Cloud, owners: &[&Owner]) {
    for _ in 0..ROUNDS {
        if settle(owners).await.is_empty() {
            return;
        }
        for owner in owners {
            for item in open_items(owner).await {
                end_waiting(owner, &item).await;
            }
        }
        cloud.advance_clock(HALF_AN_HOUR).await;
        assert!(cloud.try_sweep().await, "sweep fails without faults");
    }
    let left = settle(owners).await;
    assert!(left.is_empty(), "this work never ends: {left:#?}");
}

/// Waits until no work is open, or nothing changes any more. Returns the open work.
async fn settle(owners: &[&Owner]) -> Vec<String> {
    let mut last = open(owners).await;
    let mut changed = Instant::now();
    while !last.is_empty() && changed.elapsed() < STILL {
        tokio::time::sleep(PAUSE).await;
        let now = open(owners).await;
        if now != last {
            (last, changed) = (now, Instant::now());
        }
    }
    last
}

/// Returns the open work: records, and messages.
async fn open(owners: &[&Owner]) -> Vec<String> {
    let mut open = Vec::new();
    for owner in owners {
        let items = open_items(owner).await;
        open.extend(items.iter().map(|item| {
            let of = |name| text(item, name).unwrap_or_default();
            format!("{} {} {:?}", of("sk"), status(item).unwrap_or_default(), item.get("version"))
        }));
    }
    if open.is_empty() {
        for owner in owners {
            open.extend(orphans(owner).await);
        }
    }
    if let Some(owner) = owners.first() {
        for queue in ["ImportQueue", "ProbeQueue", "DeliveryQueue", "DeadLetterQueue"] {
            open.extend(messages(owner, queue).await);
        }
    }
    open
}

/// Returns records of files without a terminal status, of deletions, of events, and of deliveries that are not finished.
async fn open_items(owner: &Owner) -> Vec<Item> {
    let mut items = owner.backend.items().await;
    items.retain(|item| {
        let sk = text(item, "sk").unwrap_or_default();
        let unfinished = !matches!(status(item), Some("success" | "failed"));
        let delivery = sk.starts_with("delivery#") && text(item, "status") == Some("pending");
        let open = sk.starts_with("gone#") || sk.starts_with("event#") || delivery;
        open || (sk.starts_with("file#") && (unfinished || is_expired(item)))
    });
    items
}

fn is_expired(item: &Item) -> bool {
    matches!(item.get("expires_at"), Some(AttributeValue::N(at)) if *at == LONG_AGO.to_string())
}

/// Sets the deadlines of a record to the past.
async fn end_waiting(owner: &Owner, item: &Item) {
    let names = ["due_at", "lease_until", "next_at"].into_iter().filter(|name| item.contains_key(*name));
    let numbers: Vec<_> = names.map(|name| (name, LONG_AGO)).collect();
    assert!(!numbers.is_empty(), "the item has no deadline: {item:?}");
    owner.backend.change_numbers(text(item, "sk").expect("a sort key"), &numbers).await;
}

/// Returns objects without a file: their events or scheduled deletions are pending.
async fn orphans(owner: &Owner) -> Vec<String> {
    let mut objects: Vec<_> = owner.backend.object_sizes().await.into_keys().collect();
    let items = owner.backend.items().await;
    let good: BTreeSet<_> = items
        .iter()
        .filter(|item| status(item) == Some("success"))
        .filter_map(|item| text(item, "sk")?.strip_prefix("file#"))
        .collect();
    objects.retain(|key| key.starts_with("streams/") || !good.contains(id_in(key)));
    objects
}

async fn messages(owner: &Owner, queue: &str) -> Option<String> {
    let url = owner.backend.queue(queue).await;
    let ask =
        owner.backend.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let attributes =
        ask.send().await.expect("the queue's attributes can be read").attributes.unwrap_or_default();
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ]
    .map(|name| attributes.get(&name).cloned().unwrap_or_default());
    (counts != ["0", "0", "0"]).then(|| format!("{queue}: {counts:?}"))
}
