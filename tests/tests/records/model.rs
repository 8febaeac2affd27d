//! Compares random histories of files with a model of ten lines.

use std::cell::Cell;

use files_domain::Status;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::dynamodb::DynamoDb;
use crate::simulation::Simulation;

/// The state of a file in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    pub(crate) status: Status,
    pub(crate) reserved_bytes: u64,
    pub(crate) importing: bool,
}

/// A change of a file's state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Claimed,
    Imported(u64),
    Failed,
    Probed(u64),
    Completing,
    Restarted,
}

impl Lifecycle {
    /// Returns the state after an event. Usage is the sum of `reserved_bytes` and `importing` over all files.
    pub(crate) fn after(self, event: Event) -> Self {
        let (status, reserved_bytes, importing) = match event {
            _ if self.status.is_terminal() => return self,
            Event::Claimed | Event::Completing => (Status::Running, self.reserved_bytes, self.importing),
            Event::Imported(size) => (Status::Running, size, false),
            Event::Restarted => (Status::Running, 0, true),
            Event::Failed => (Status::Failed, 0, false),
            Event::Probed(size) => (Status::Success, size, false),
        };
        Self { status, reserved_bytes, importing }
    }
}

/// One step of a history. An index selects one of the existing files, or of a file's workers.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Upload { size: u64, lifetime_minutes: Option<u64> },
    Parts { size: u64, lifetime_minutes: Option<u64> },
    AskForParts { file: Index, begins: bool },
    Complete { file: Index, is_right: bool },
    Import { lifetime_minutes: Option<u64> },
    Claim(Index),
    Progress { file: Index, worker: Index },
    Imported { file: Index, worker: Index, size: u64 },
    Fail(Index),
    Probe { file: Index, size: u64 },
    Remove { file: Index, as_first_seen: bool },
    Sweep,
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let file = any::<Index>;
    let size = || 0_u64..1_000;
    let lifetime = || proptest::option::weighted(0.3, 1_u64..180);
    let seconds = prop_oneof![1_u64..60, 60_u64..1_200, 1_200_u64..100_000];
    prop_oneof![
        3 => (size(), lifetime()).prop_map(|(size, lifetime_minutes)| Step::Upload { size, lifetime_minutes }),
        3 => lifetime().prop_map(|lifetime_minutes| Step::Import { lifetime_minutes }),
        6 => file().prop_map(Step::Claim),
        4 => (file(), file()).prop_map(|(file, worker)| Step::Progress { file, worker }),
        4 => (file(), file(), size()).prop_map(|(file, worker, size)| Step::Imported { file, worker, size }),
        1 => file().prop_map(Step::Fail),
        3 => (file(), size()).prop_map(|(file, size)| Step::Probe { file, size }),
        2 => (file(), any::<bool>())
            .prop_map(|(file, as_first_seen)| Step::Remove { file, as_first_seen }),
        3 => (size(), lifetime()).prop_map(|(size, lifetime_minutes)| Step::Parts { size, lifetime_minutes }),
        4 => (file(), any::<bool>()).prop_map(|(file, begins)| Step::AskForParts { file, begins }),
        3 => (file(), any::<bool>()).prop_map(|(file, is_right)| Step::Complete { file, is_right }),
        2 => Just(Step::Sweep),
        4 => seconds.prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// Simulates `cases` histories, each with its own owner. `FILES_SEED` repeats those of a failed run.
fn simulate(cases: u32, store: &DynamoDb, runtime: &tokio::runtime::Runtime) {
    let seed = match std::env::var("FILES_SEED") {
        Ok(seed) => seed.parse().expect("FILES_SEED is a number"),
        Err(_) => rand_seed(),
    };
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let owners = Cell::new(0);
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..50), |steps| {
        owners.set(owners.get() + 1);
        runtime.block_on(async {
            let mut simulation = Simulation::new(store, &format!("owner {}", owners.get())).await;
            for step in &steps {
                simulation.step(step).await?;
                simulation.check().await?;
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("FILES_SEED={seed} repeats this: {error}");
    }
}

fn rand_seed() -> u64 {
    let key = files_domain::ApiKey::generate(files_domain::OwnerId::named("seed")).expect("randomness");
    u64::from_str_radix(&key.hash().to_string()[..16], 16).expect("hex")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn the_records_agree_with_the_model() {
    let runtime = runtime();
    let store = runtime.block_on(DynamoDb::start());
    simulate(50, &store, &runtime);
}
