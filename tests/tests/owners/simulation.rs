//! Random steps of three owners, under injected faults, compared with the model.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use files_domain::{Limit, Scope, Timestamp};
use files_records::{DUE_SHARDS, ScheduledWork};
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use test_app::{CONTENT, TestApp, video};

use crate::faults;
use crate::model::{ModelFile, ModelOwner, Stage};
use crate::processes::Processes;
use crate::steps::{Change, OWNERS, Step, step};

const ABSENT: &str = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab";
/// How long processes remember keys and limits.
const REMEMBERED: Duration = Duration::from_secs(31);

/// Three owners, in the services and in the model.
struct World<'a> {
    processes: Processes<'a>,
    owners: Vec<ModelOwner>,
    now: Timestamp,
    /// Numbers the requests and the names.
    count: u32,
}

impl<'a> World<'a> {
    async fn new(app: &'a TestApp) -> Self {
        let mut owners = Vec::new();
        for number in 0..OWNERS {
            let name = format!("owner {number}");
            owners.push(ModelOwner::new(name.clone(), app.key(&name).await));
        }
        Self { processes: Processes::new(app), owners, now: lambda_startup::now(), count: 0 }
    }

    async fn step(&mut self, step: &Step) {
        self.count += 1;
        self.now = self.now.plus(Duration::from_millis(1));
        match step {
            Step::Upload { owner, lifetime } => self.upload(*owner, *lifetime).await,
            Step::Import { owner } => self.import(*owner).await,
            Step::Store { owner, file } => self.store(*owner, file).await,
            Step::Update { owner, file, change } => self.update(*owner, file, change).await,
            Step::Delete { owner, files, theirs } => self.delete(*owner, files, theirs).await,
            Step::Trespass { owner, theirs } => self.trespass(*owner, theirs).await,
            Step::LimitFiles { owner, files } => {
                self.owners[*owner].max_files = *files;
                self.limit(*owner, Limit::Files, *files).await;
            }
            Step::Retention { owner, seconds } => {
                self.owners[*owner].retention = *seconds;
                self.limit(*owner, Limit::Retention, *seconds).await;
            }
            Step::Revoke { owner } => self.revoke(*owner).await,
            Step::Wait { seconds } => self.now = self.now.plus(Duration::from_secs(*seconds)),
            Step::Sweep => self.sweep().await,
        }
    }

    async fn upload(&mut self, owner: usize, lifetime: Option<Option<u32>>) {
        let name = format!("upload {}.mp4", self.count);
        let mut body = json!({"name": name, "size": CONTENT.len(), "content_type": "video/mp4"});
        if let Some(lifetime) = lifetime {
            body["expires_in"] = json!(lifetime);
        }
        let usual = Some(self.owners[owner].retention).filter(|seconds| *seconds > 0);
        let lifetime = lifetime.map_or(usual, |given| given.map(u64::from));
        self.create(owner, &body, name, lifetime, Stage::AwaitingUpload).await;
    }

    async fn import(&mut self, owner: usize) {
        let name = format!("import {}.mp4", self.count);
        let body = json!({"file_url": "https://media.example/clip.mp4", "name": name, "expires_in": null});
        self.create(owner, &body, name, None, Stage::AwaitingImport).await;
    }

    /// Creates a file if the owner has room for it, and expects the refusal otherwise.
    async fn create(
        &mut self,
        owner: usize,
        body: &Value,
        name: String,
        lifetime: Option<u64>,
        stage: Stage,
    ) {
        let once = format!("request {}", self.count);
        let model = &mut self.owners[owner];
        let response = self.processes.create(model.key.reveal(), self.now, &once, body).await;
        if !model.has_room() {
            response.expect_error(403, "quota_exceeded");
            return;
        }
        assert!([201, 202].contains(&response.status), "{response:?}");
        let id = response.json()["id"].as_str().expect("an id").to_owned();
        let expires_at = lifetime.map(|seconds| self.now.plus(Duration::from_secs(seconds)).millis());
        model.files.insert(id, ModelFile { name, tag: None, expires_at, stage });
    }

    async fn store(&mut self, owner: usize, file: &Index) {
        let (model, now) = (&mut self.owners[owner], self.now.millis());
        let waits = |file: &ModelFile| file.stage == Stage::AwaitingUpload && file.is_alive(now);
        let Some(id) = model.choose(file, waits) else { return };
        let (app, owner) = (self.processes.app, model.key.owner());
        let records = app.operator().records();
        let (file, _) = records.get_file(owner, id.parse().expect("an id")).await.expect("the record");
        app.put_bytes(&file).await;
        app.finish_probe(&file, video()).await;
        model.files.get_mut(&id).expect("the file").stage = Stage::Stored;
    }

    async fn update(&mut self, owner: usize, file: &Index, change: &Change) {
        let (model, now) = (&mut self.owners[owner], self.now);
        let Some(id) = model.choose(file, |_| true) else { return };
        let file = model.files.get_mut(&id).expect("the file");
        let is_alive = file.is_alive(now.millis());
        let (body, changed) = match change {
            Change::Name(n) => {
                let name = format!("{n}.mp4");
                (json!({"name": name}), ModelFile { name, ..file.clone() })
            }
            Change::Tag(n) => {
                let tag = Some(n.to_string());
                (json!({"metadata": {"tag": tag}}), ModelFile { tag, ..file.clone() })
            }
            Change::Expiry(seconds) => {
                let at = seconds.map(|seconds| now.plus(Duration::from_secs(seconds.into())).millis());
                (json!({"expires_in": seconds}), ModelFile { expires_at: at, ..file.clone() })
            }
        };
        let response = self.processes.update(&model.key, now, &id, &body).await;
        if is_alive {
            *file = changed;
            model.assert_same(&id, &response.expect(200).json());
        } else {
            response.expect_error(404, "not_found");
        }
    }

    /// Deletes files. After a lost response the deletion is done, and the next attempt gets 404.
    async fn delete(&mut self, owner: usize, files: &[Index], theirs: &Index) {
        let now = self.now;
        let alive = |file: &ModelFile| file.is_alive(now.millis());
        let own: BTreeSet<_> =
            files.iter().filter_map(|index| self.owners[owner].choose(index, alive)).collect();
        let theirs = self.owners[(owner + 1) % OWNERS].choose(theirs, |_| true);
        let foreign = [theirs, Some(ABSENT.to_owned())].into_iter().flatten();
        let ids: Vec<_> = own.iter().cloned().chain(foreign).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let model = &mut self.owners[owner];
        let statuses = self.processes.delete(&model.key, now, &ids).await;
        for (id, status) in ids.iter().zip(statuses) {
            match model.files.remove(*id) {
                Some(_) => assert!([204, 404].contains(&status), "{id}: {status}"),
                None => assert_eq!(status, 404, "{id} is not the owner's"),
            }
        }
    }

    async fn trespass(&mut self, owner: usize, theirs: &Index) {
        let Some(id) = self.owners[(owner + 1) % OWNERS].choose(theirs, |_| true) else { return };
        let key = &self.owners[owner].key;
        self.processes.get(key, self.now, &id).await.expect_error(404, "not_found");
        let change = json!({"name": "mine.mp4", "metadata": {"tag": "mine"}});
        self.processes.update(key, self.now, &id, &change).await.expect_error(404, "not_found");
    }

    async fn limit(&mut self, owner: usize, limit: Limit, number: u64) {
        self.processes.app.set_limits(&self.owners[owner].name, &[(limit, number)]).await;
        self.now = self.now.plus(REMEMBERED);
    }

    /// Once it is revoked, a key and its tokens write nothing.
    async fn revoke(&mut self, owner: usize) {
        let (app, now, count) = (self.processes.app, self.now, self.count);
        let model = &mut self.owners[owner];
        let new = app.key_with(&model.name, &Scope::ALL, None).await;
        let old = std::mem::replace(&mut model.key, new);
        let token = self.processes.create_token(&old, now).await.expect(201).json();
        app.revoke(&old).await;
        let body = json!({"name": "late.mp4", "size": CONTENT.len(), "content_type": "video/mp4"});
        let token = token["token"].as_str().expect("a token");
        for secret in [old.reveal(), token] {
            let once = format!("late {count}");
            let refused = self.processes.create(secret, now, &once, &body).await;
            refused.expect_error(401, "invalid_api_key");
        }
        let id = model.files.keys().next().map_or(ABSENT, String::as_str);
        let change = json!({"name": "late.mp4"});
        self.processes.update(&old, now, id, &change).await.expect_error(401, "invalid_api_key");
        self.processes.try_delete(&old, now, id).await.expect_error(401, "invalid_api_key");
        let later = now.plus(REMEMBERED);
        self.processes.usage(&old, later).await.expect_error(401, "invalid_api_key");
    }

    /// Removes what has expired, and forgets what has been removed, as `sweep` does at that time.
    async fn sweep(&mut self) {
        let (records, now) = (self.processes.app.operator().records(), self.now);
        for shard in 0..DUE_SHARDS {
            for due in records.due(shard, now, 1_000).await.expect("the index").items {
                match due.what {
                    ScheduledWork::File(id) => {
                        let (file, _) = records.get_file(due.owner, id).await.expect("the record");
                        if file.has_expired(now) {
                            records.remove_file(&file, now).await.expect("no other write");
                        }
                    }
                    ScheduledWork::Removed(id) => {
                        records.delete_removal_entry(due.owner, id).await.expect("forgotten")
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        for owner in &mut self.owners {
            owner.files.retain(|_, file| file.is_alive(now.millis()));
        }
    }

    /// Checks that each owner has and uses what the model says, and sees nothing of the others.
    async fn check(&mut self) {
        self.sweep().await;
        let everything: BTreeSet<_> = self.owners.iter().flat_map(|owner| owner.files.keys()).collect();
        let sum: usize = self.owners.iter().map(|owner| owner.files.len()).sum();
        assert_eq!(everything.len(), sum, "no two owners have a file of one id");
        for owner in &self.owners {
            let records = self.processes.app.operator().records();
            assert_eq!(
                records.usage(owner.key.owner()).await.expect("usage"),
                owner.usage(),
                "{}",
                owner.name
            );
            let listed = self.processes.list(&owner.key, self.now).await;
            let unique: BTreeSet<_> = listed.iter().collect();
            assert_eq!((listed.len(), unique), (owner.files.len(), owner.files.keys().collect()));
            for id in &everything {
                let response = self.processes.get(&owner.key, self.now, id).await;
                if owner.files.contains_key(*id) {
                    owner.assert_same(id, &response.expect(200).json());
                } else {
                    response.expect_error(404, "not_found");
                }
            }
        }
    }
}

/// Runs `cases` histories under the faults of a seed. `FILES_SEED` repeats those of a failed run.
#[test]
fn three_owners_agree_with_the_model_under_faults() {
    let seed = std::env::var("FILES_SEED").map_or_else(
        |_| lambda_startup::now().millis(),
        |seed| seed.parse().expect("FILES_SEED is a number"),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = Config {
        cases: 12,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let applied = Cell::new(0);
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 10..60), |steps| {
        runtime.block_on(async {
            let app = TestApp::new().await;
            let mut world = World::new(&app).await;
            faults::inject(&app, seed);
            for step in &steps {
                world.step(step).await;
            }
            applied.set(applied.get() + faults::clear(&app));
            world.check().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("FILES_SEED={seed} repeats this: {error}");
    }
    assert!(applied.get() > 0, "no fault was applied");
}
