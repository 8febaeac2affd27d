//! What the owners do.

use proptest::prelude::*;
use proptest::sample::Index;

/// Number of owners.
pub(crate) const OWNERS: usize = 3;

/// A change of a file.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Name(u8),
    Tag(u8),
    /// Seconds from now; `None`: the file does not expire.
    Expiry(Option<u32>),
}

/// One step of one owner. An index selects one of the files that the step can apply to.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Announces an upload. The outer `None` leaves the lifetime to the owner's default.
    Upload {
        owner: usize,
        lifetime: Option<Option<u32>>,
    },
    Import {
        owner: usize,
    },
    /// The bytes of an upload arrive and are probed.
    Store {
        owner: usize,
        file: Index,
    },
    Update {
        owner: usize,
        file: Index,
        change: Change,
    },
    /// Deletes some files at once, and tries one of another owner.
    Delete {
        owner: usize,
        files: Vec<Index>,
        theirs: Index,
    },
    /// Tries to see and to change a file of another owner.
    Trespass {
        owner: usize,
        theirs: Index,
    },
    /// Sets the owner's limit of files; 0 for none.
    LimitFiles {
        owner: usize,
        files: u64,
    },
    /// Sets the default lifetime of the owner's files in seconds; 0 for none.
    Retention {
        owner: usize,
        seconds: u64,
    },
    /// Replaces the owner's key and revokes the old one.
    Revoke {
        owner: usize,
    },
    Wait {
        seconds: u64,
    },
    /// Removes the files that have expired.
    Sweep,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let owner = || 0..OWNERS;
    let file = any::<Index>;
    let expiry = || proptest::option::weighted(0.7, 1_u32..20_000);
    let lifetime = proptest::option::weighted(0.4, expiry());
    let change = prop_oneof![
        any::<u8>().prop_map(Change::Name),
        any::<u8>().prop_map(Change::Tag),
        expiry().prop_map(Change::Expiry),
    ];
    let seconds = prop_oneof![1_u64..60, 60_u64..10_000];
    prop_oneof![
        6 => (owner(), lifetime).prop_map(|(owner, lifetime)| Step::Upload { owner, lifetime }),
        3 => owner().prop_map(|owner| Step::Import { owner }),
        4 => (owner(), file()).prop_map(|(owner, file)| Step::Store { owner, file }),
        4 => (owner(), file(), change).prop_map(|(owner, file, change)| Step::Update { owner, file, change }),
        2 => (owner(), proptest::collection::vec(file(), 0..4), file())
            .prop_map(|(owner, files, theirs)| Step::Delete { owner, files, theirs }),
        2 => (owner(), file()).prop_map(|(owner, theirs)| Step::Trespass { owner, theirs }),
        1 => (owner(), 0_u64..6).prop_map(|(owner, files)| Step::LimitFiles { owner, files }),
        1 => (owner(), prop_oneof![Just(0), 60_u64..10_000])
            .prop_map(|(owner, seconds)| Step::Retention { owner, seconds }),
        1 => owner().prop_map(|owner| Step::Revoke { owner }),
        2 => seconds.prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Sweep),
    ]
}
