//! Orders the work round-robin by owner, so that an owner with many entries does not delay the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use files_domain::OwnerId;
use files_records::DueItem;

/// Files of one owner that are handled concurrently. Each changes the owner's usage item, and such changes conflict.
const OWNER_QUEUES: usize = 8;
/// Entries that a worker takes at once.
const BATCH_SIZE: usize = 4;

/// Entries of one owner that are handled sequentially.
type OwnerQueue = VecDeque<DueItem>;

/// The queues of the remaining entries of all owners, in round-robin order.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin(Mutex<VecDeque<OwnerQueue>>);

impl RoundRobin {
    /// Divides entries into queues, in the given order.
    pub(crate) fn new(items: Vec<DueItem>) -> Self {
        let mut owners: Vec<Vec<OwnerQueue>> = Vec::new();
        let mut places: HashMap<OwnerId, (usize, usize)> = HashMap::new();
        for item in items {
            let (owner, count) = places.entry(item.owner).or_insert_with(|| {
                owners.push(Vec::new());
                (owners.len() - 1, 0)
            });
            let (queues, queue) = (&mut owners[*owner], *count % OWNER_QUEUES);
            if queues.len() <= queue {
                queues.push(OwnerQueue::new());
            }
            queues[queue].push_back(item);
            *count += 1;
        }
        // The first queue of each owner, then the second of each.
        let mut owners: Vec<_> = owners.into_iter().map(Vec::into_iter).collect();
        let rounds =
            (0..OWNER_QUEUES).flat_map(|_| owners.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>());
        Self(Mutex::new(rounds.collect()))
    }

    /// Takes a batch of the next queue; `None`: no queue is left.
    pub(crate) fn take(&self) -> Option<Batch> {
        let mut rest = self.queues().pop_front()?;
        let items = rest.drain(..BATCH_SIZE.min(rest.len())).collect();
        Some(Batch { items, rest })
    }

    /// Appends the rest of a queue after the others.
    pub(crate) fn put_back(&self, rest: VecDeque<DueItem>) {
        if !rest.is_empty() {
            self.queues().push_back(rest);
        }
    }

    /// Returns the number of remaining entries.
    pub(crate) fn left(&self) -> usize {
        self.queues().iter().map(VecDeque::len).sum()
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, VecDeque<OwnerQueue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch of entries of one queue, and the rest of the queue.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The entries to handle.
    pub(crate) items: VecDeque<DueItem>,
    /// The later entries of the queue.
    pub(crate) rest: VecDeque<DueItem>,
}

#[cfg(test)]
mod tests {
    use files_domain::{FileId, Timestamp};
    use files_records::ScheduledWork;

    use super::*;

    fn items(owner: &str, count: u64) -> Vec<DueItem> {
        let item = |n| DueItem {
            owner: OwnerId::named(owner),
            what: ScheduledWork::File(FileId::new(Timestamp::from_millis(n))),
        };
        (0..count).map(item).collect()
    }

    /// Returns the entries in the order in which a single worker handles them.
    fn order(queue: &RoundRobin) -> Vec<DueItem> {
        let mut order = Vec::new();
        while let Some(Batch { items, rest }) = queue.take() {
            order.extend(items);
            queue.put_back(rest);
        }
        order
    }

    #[test]
    fn an_owner_with_few_entries_does_not_wait_for_one_with_many() {
        let (much, little) = (items("much", 10_000), items("little", 3));
        let queue = RoundRobin::new([much, little.clone()].concat());
        assert_eq!(queue.left(), 10_003);
        let order = order(&queue);
        assert_eq!((order.len(), queue.left()), (10_003, 0));
        for item in little {
            let place = order.iter().position(|other| *other == item);
            assert!(place.is_some_and(|place| place < 4 * BATCH_SIZE), "{place:?}");
        }
    }

    #[test]
    fn an_owner_has_a_few_queues_and_each_is_in_order() {
        let queue = RoundRobin::new(items("press", 100));
        let mut taken = Vec::new();
        while let Some(batch) = queue.take() {
            taken.push(batch);
        }
        assert_eq!(taken.len(), OWNER_QUEUES);
        for Batch { items, rest } in taken {
            let times: Vec<_> = items.iter().chain(&rest).map(|item| item.what.file().created_at()).collect();
            assert!(times.is_sorted(), "{times:?}");
        }
        assert!(RoundRobin::new(Vec::new()).take().is_none());
    }
}
