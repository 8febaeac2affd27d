//! Slots of work that runs at the same time.

use std::time::Duration;

use files_records::{RecordsError, Slot, SlotKind, WaitSlots};
use futures_util::future::join_all;

use crate::dynamodb::DynamoDb;
use crate::owner::Owner;
use crate::samples::at;

const LEASE: Duration = Duration::from_millis(1_000);

fn taken<T>(outcomes: Vec<Result<Option<T>, RecordsError>>) -> Vec<T> {
    // Who is refused for others' sake may hold no slot either.
    outcomes.into_iter().filter_map(|outcome| outcome.unwrap_or_default()).collect()
}

#[tokio::test]
async fn no_more_slots_are_held_than_there_are() {
    let store = &DynamoDb::start().await;
    let (press, other) = (Owner::new(store, "press").await, Owner::new(store, "other").await);
    let take = |owner: &Owner<'_>, kind, now| {
        let id = owner.id();
        async move { store.records().take_slot(id, kind, 3, LEASE, at(now)).await }
    };
    let slots = taken(join_all((0..20).map(|_| take(&press, SlotKind::Import, 0))).await);
    assert_eq!(slots.len(), 3);
    assert_eq!(take(&press, SlotKind::Import, 999).await.unwrap(), None);
    // Another kind and another owner have their own slots.
    assert!(take(&press, SlotKind::Preview, 0).await.unwrap().is_some());
    assert!(take(&other, SlotKind::Import, 0).await.unwrap().is_some());

    store.records().release_slot(&slots[1]).await.unwrap();
    let again = take(&press, SlotKind::Import, 500).await.unwrap().expect("the slot that was given back");
    assert_eq!(take(&press, SlotKind::Import, 999).await.unwrap(), None);
    // Two leases end; the later one does not.
    let later = taken(join_all((0..20).map(|_| take(&press, SlotKind::Import, 1_000))).await);
    assert_eq!(later.len(), 2);
    // A late release does not free a slot that another request has taken.
    for late in [&slots[0], &slots[1], &slots[2]] {
        store.records().release_slot(late).await.unwrap();
    }
    assert_eq!(take(&press, SlotKind::Import, 1_001).await.unwrap(), None);
    store.records().release_slot(&again).await.unwrap();
    assert!(take(&press, SlotKind::Import, 1_001).await.unwrap().is_some());
}

#[tokio::test]
async fn waits_keep_to_the_slots_of_the_owner_and_of_the_deployment() {
    let store = &DynamoDb::start().await;
    let mut owners = Vec::new();
    for name in ["a", "b", "c", "d"] {
        owners.push(Owner::new(store, name).await);
    }
    let slots = WaitSlots { deployment: 5, owner: 2 };
    let take = |owner: usize, now| store.records().take_wait_slot(owners[owner].id(), slots, at(now), LEASE);
    let mut held: Vec<Vec<Slot>> = Vec::new();
    for owner in 0..4 {
        // Alone, one after the other: all that the owner and the deployment have left.
        let mut mine = Vec::new();
        while let Some(slot) = take(owner, 0).await.unwrap() {
            mine.push(slot);
        }
        held.push(mine);
    }
    assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1, 0]);

    store.records().release_slot(&held[0][0]).await.unwrap();
    let slot = take(3, 500).await.unwrap().expect("the deployment's slot that was given back");
    assert_eq!(take(0, 999).await.unwrap(), None, "the owner has one left, the deployment has none");
    // The leases end, the others take the slots, and late releases free none of them.
    let crowd = taken(join_all((0..40).map(|index| take(index % 4, 1_000))).await);
    assert!((1..=4).contains(&crowd.len()), "{}", crowd.len());
    for late in held.iter().flatten() {
        store.records().release_slot(late).await.unwrap();
    }
    let mut free = 0;
    while let Some(_slot) = take(free % 4, 1_001).await.unwrap() {
        free += 1;
    }
    assert!(crowd.len() + free <= 4, "{} and {free} beside the one that is held", crowd.len());
    store.records().release_slot(&slot).await.unwrap();
}
