//! The order of the work: owners take turns, so that one with much due does not delay the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use files_domain::OwnerId;
use files_records::DueItem;

/// Files of one owner that are handled at the same time: each changes the owner's usage, and such changes conflict.
const LANES_OF_OWNER: usize = 8;
/// Entries that are handled in one turn.
const TURN: usize = 4;

/// Entries of one owner that are handled one after the other.
type Lane = VecDeque<DueItem>;

/// The entries that are still to be handled, by lanes that take turns.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<VecDeque<Lane>>);

impl Turns {
    /// Divides entries into lanes, in the order in which they are given.
    pub(crate) fn new(items: Vec<DueItem>) -> Self {
        let mut owners: Vec<Vec<Lane>> = Vec::new();
        let mut places: HashMap<OwnerId, (usize, usize)> = HashMap::new();
        for item in items {
            let (owner, count) = places.entry(item.owner).or_insert_with(|| {
                owners.push(Vec::new());
                (owners.len() - 1, 0)
            });
            let (lanes, lane) = (&mut owners[*owner], *count % LANES_OF_OWNER);
            if lanes.len() <= lane {
                lanes.push(Lane::new());
            }
            lanes[lane].push_back(item);
            *count += 1;
        }
        // The first lane of each owner, then the second of each.
        let mut owners: Vec<_> = owners.into_iter().map(Vec::into_iter).collect();
        let rounds = (0..LANES_OF_OWNER)
            .flat_map(|_| owners.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>());
        Self(Mutex::new(rounds.collect()))
    }

    /// Takes the lane whose turn it is; `None`: the others are all being handled.
    pub(crate) fn take(&self) -> Option<Turn> {
        let mut rest = self.lanes().pop_front()?;
        let items = rest.drain(..TURN.min(rest.len())).collect();
        Some(Turn { items, rest })
    }

    /// Puts the rest of a lane behind the others.
    pub(crate) fn put_back(&self, rest: VecDeque<DueItem>) {
        if !rest.is_empty() {
            self.lanes().push_back(rest);
        }
    }

    /// Returns how many entries are left.
    pub(crate) fn left(&self) -> usize {
        self.lanes().iter().map(VecDeque::len).sum()
    }

    fn lanes(&self) -> std::sync::MutexGuard<'_, VecDeque<Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is handled in one turn, and the rest of its lane.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The entries of the turn.
    pub(crate) items: VecDeque<DueItem>,
    /// The later entries of the lane.
    pub(crate) rest: VecDeque<DueItem>,
}

#[cfg(test)]
mod tests {
    use files_domain::{FileId, Timestamp};
    use files_records::DueWhat;

    use super::*;

    fn items(owner: &str, count: u64) -> Vec<DueItem> {
        let item = |n| DueItem {
            owner: OwnerId::named(owner),
            what: DueWhat::File(FileId::new(Timestamp::from_millis(n))),
        };
        (0..count).map(item).collect()
    }

    /// The entries in the order in which one worker handles them.
    fn order(turns: &Turns) -> Vec<DueItem> {
        let mut order = Vec::new();
        while let Some(Turn { items, rest }) = turns.take() {
            order.extend(items);
            turns.put_back(rest);
        }
        order
    }

    #[test]
    fn an_owner_with_little_due_does_not_wait_for_one_with_much() {
        let (much, little) = (items("much", 10_000), items("little", 3));
        let turns = Turns::new([much, little.clone()].concat());
        assert_eq!(turns.left(), 10_003);
        let order = order(&turns);
        assert_eq!((order.len(), turns.left()), (10_003, 0));
        for item in little {
            let place = order.iter().position(|other| *other == item);
            assert!(place.is_some_and(|place| place < 4 * TURN), "{place:?}");
        }
    }

    #[test]
    fn an_owner_has_a_few_lanes_and_each_is_in_order() {
        let turns = Turns::new(items("press", 100));
        let mut taken = Vec::new();
        while let Some(turn) = turns.take() {
            taken.push(turn);
        }
        assert_eq!(taken.len(), LANES_OF_OWNER);
        for Turn { items, rest } in taken {
            let lane: Vec<_> = items.iter().chain(&rest).map(|item| item.what.file().created_at()).collect();
            assert!(lane.is_sorted(), "{lane:?}");
        }
        assert!(Turns::new(Vec::new()).take().is_none());
    }
}
