//! Random operations of one owner, and their expected results.

use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use fastrand::Rng;
use files_tests::owner::id;
use files_tests::parts::all_parts;
use files_tests::{Form, Owner, Reply, Response, SourceServer, media, retry};
use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::client;
use crate::invariants::{End, Known};

/// A source of two parts; a percentage of imports uses it.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| media::noise(17 << 20, 3));
const LARGE_IN_HUNDRED: u8 = 8;

/// A client with the key of one owner.
pub(crate) struct Worker<'a> {
    /// The owner of the files.
    pub(crate) owner: &'a Owner,
    /// Completed and abandoned operations.
    pub(crate) done: u64,
    /// Unexpected responses.
    pub(crate) wrong: Vec<String>,
    source: &'a SourceServer,
    rng: Rng,
    files: Vec<Remembered>,
}

struct Remembered {
    file: Value,
    what: &'static str,
    end: End,
    /// The terminal status that was seen last.
    seen: Option<String>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(owner: &'a Owner, source: &'a SourceServer, seed: u64) -> Self {
        Self { owner, done: 0, wrong: Vec::new(), source, rng: Rng::with_seed(seed), files: Vec::new() }
    }

    /// Runs operations until the number is reached, or `stop` has passed.
    pub(crate) async fn run(&mut self, operations: u64, stop: Instant) {
        while self.done < operations && Instant::now() < stop {
            match self.rng.u8(..100) {
                0..20 => self.create_by_form().await,
                20..32 => self.create_presigned().await,
                32..38 => self.create_by_parts().await,
                38..53 => self.import().await,
                53..68 => self.get().await,
                68..76 => self.list().await,
                76..86 => self.download().await,
                _ => self.delete().await,
            }
            self.done += 1;
        }
    }

    /// Returns the expected ends of the files.
    pub(crate) fn known(&self) -> Vec<Known> {
        let known = |of: &Remembered| Known {
            id: id(&of.file).to_owned(),
            what: of.what.to_owned(),
            end: of.end.clone(),
        };
        self.files.iter().map(known).collect()
    }

    /// Returns the files whose terminal status has changed since it was seen.
    pub(crate) async fn changed_statuses(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for Remembered { file, seen, .. } in &self.files {
            let now = self.owner.get(&format!("/files/{}", id(file))).await;
            if let (Some(seen), 200) = (seen, now.status)
                && now.json()["status"] != seen.as_str()
            {
                wrong.push(format!("file {} was {seen} and is {}", id(file), now.json()["status"]));
            }
        }
        wrong
    }

    /// Returns media, or bytes that are none.
    fn bytes(&mut self) -> Bytes {
        match self.rng.u8(..3) {
            0 => media::PNG.clone(),
            1 => media::WAV.clone(),
            _ => media::noise(self.rng.usize(1..200_000), self.rng.u64(..)),
        }
    }

    /// Creates a file as clients should: with its own idempotency key.
    async fn create(
        &mut self,
        what: &'static str,
        end: End,
        request: impl Fn() -> RequestBuilder,
    ) -> Option<Value> {
        let key = format!("key-{}", self.rng.u64(..));
        let response = retry(|| request().header("idempotency-key", &key)).await?;
        if !matches!(response.status, 201 | 202) {
            self.refused(what, &response);
            return None;
        }
        let file = response.json();
        self.files.push(Remembered { file: file.clone(), what, end, seen: None });
        Some(file)
    }

    async fn create_by_form(&mut self) {
        let (bytes, owner) = (self.bytes(), self.owner);
        let form = || owner.form(Form::new().file("a.bin", Some("video/mp4"), &bytes));
        let end = End::BytesOrFailed(bytes.clone());
        let Some(file) = self.create("form", end, form).await else { return };
        // In another status the retries have taken too long.
        if file["status"] != "failed" {
            self.last().end = End::Bytes(bytes);
        }
    }

    async fn create_presigned(&mut self) {
        let (bytes, owner) = (self.bytes(), self.owner);
        let body = json!({"name": "a.bin", "size": bytes.len(), "content_type": "video/mp4"});
        // Sometimes the bytes are never sent.
        let comes = self.rng.u8(..8) > 0;
        let end = if comes { End::BytesOrFailed(bytes.clone()) } else { End::Failed };
        let Some(file) = self.create("presigned", end, || owner.json(&body)).await else { return };
        // If the first attempt created the file and it has no URL, S3 has its bytes already.
        if comes && file["upload"].is_object() && client::put(owner, &file, &bytes).await {
            self.last().end = End::Bytes(bytes);
        }
    }

    /// Announces, sends parts, completes; sometimes stops before the end.
    async fn create_by_parts(&mut self) {
        let owner = self.owner;
        let bytes = if self.rng.u8(..4) == 0 { LARGE.clone() } else { self.bytes() };
        let body = json!({"name": "a.bin", "size": bytes.len(), "multipart": true});
        let end = End::BytesOrFailed(bytes.clone());
        let Some(file) = self.create("parts", end, || owner.json(&body)).await else { return };
        if !file["upload"].is_object() {
            return; // the retries have taken too long
        }
        let mut numbers = all_parts(&file);
        self.rng.shuffle(&mut numbers);
        if self.rng.u8(..6) == 0 {
            numbers.pop();
            self.last().end = End::Failed; // one part is never sent
        }
        for number in &numbers {
            match client::put_part(owner, &file, &bytes, *number).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(response) => return self.refused("sign a part", &response),
            }
        }
        let completed = retry(|| owner.post_upload(&file, "complete")).await;
        let whole = numbers.len() == all_parts(&file).len();
        match completed {
            Some(response) if whole && response.status == 202 => self.last().end = End::Bytes(bytes),
            Some(response) if !whole && response.status == 409 => {}
            Some(response) => self.refused("complete", &response),
            None => {}
        }
    }

    async fn import(&mut self) {
        let (path, owner) = (format!("/{:x}", self.rng.u64(..)), self.owner);
        let (what, end, reply) = match self.rng.u8(..100) {
            0..10 => ("missing import", End::Failed, Reply::status(http::StatusCode::NOT_FOUND)),
            percent => {
                let is_large = percent < 10 + LARGE_IN_HUNDRED;
                let bytes = if is_large { LARGE.clone() } else { self.bytes() };
                ("import", End::BytesOrFailed(bytes.clone()), Reply::bytes(bytes))
            }
        };
        let body = json!({"file_url": self.source.serve(&path, reply)});
        self.create(what, end, || owner.json(&body)).await;
    }

    async fn get(&mut self) {
        let Some(index) = self.any() else { return };
        let path = format!("/files/{}", id(&self.files[index].file));
        let Some(response) = self.ask(Method::GET, &path).await else { return };
        match (response.status, &self.files[index].end) {
            (200, End::Gone) => self.wrong.push(format!("{path} is deleted and returns {response:?}")),
            (200, _) => {
                let (file, remembered) = (response.json(), &mut self.files[index]);
                let status = file["status"].as_str().unwrap_or_default().to_owned();
                if remembered.seen.as_ref().is_some_and(|seen| *seen != status) {
                    self.wrong.push(format!("{path} was {:?} and is {status}", remembered.seen));
                } else if matches!(status.as_str(), "success" | "failed") {
                    remembered.seen = Some(status);
                }
                remembered.file = file;
            }
            (404, End::Gone | End::Unknown) => {}
            _ => self.refused(&path, &response),
        }
    }

    async fn list(&mut self) {
        let Some(response) = self.ask(Method::GET, "/files?limit=20").await else { return };
        if response.status != 200 {
            self.refused("list", &response);
        }
    }

    async fn download(&mut self) {
        let Some(index) = self.any() else { return };
        let Remembered { file, end, seen, .. } = &self.files[index];
        let bytes = client::download(self.owner, file).await;
        if let (Ok(bytes), End::Bytes(expected) | End::BytesOrFailed(expected)) = (&bytes, end)
            && bytes != expected
        {
            self.wrong.push(format!("file {} has other bytes", id(file)));
        }
        if let (Ok(_), Some("failed"), _) | (Ok(_), _, End::Gone) = (&bytes, seen.as_deref(), end) {
            self.wrong.push(format!("file {} has bytes, and is {seen:?} {end:?}", id(file)));
        }
    }

    async fn delete(&mut self) {
        let Some(index) = self.any() else { return };
        let path = format!("/files/{}", id(&self.files[index].file));
        self.files[index].end = match self.ask(Method::DELETE, &path).await {
            // After an attempt without a response, 404 means that it succeeded.
            Some(response) if matches!(response.status, 204 | 404) => End::Gone,
            Some(response) => return self.refused(&path, &response),
            None if matches!(self.files[index].end, End::Gone) => End::Gone,
            None => End::Unknown,
        };
    }

    async fn ask(&self, method: Method, path: &str) -> Option<Response> {
        retry(|| self.owner.request(method.clone(), path)).await
    }

    fn any(&mut self) -> Option<usize> {
        (!self.files.is_empty()).then(|| self.rng.usize(..self.files.len()))
    }

    fn last(&mut self) -> &mut Remembered {
        self.files.last_mut().expect("it was just created")
    }

    fn refused(&mut self, what: &str, response: &Response) {
        let body = String::from_utf8_lossy(&response.body);
        self.wrong.push(format!("{what}: {} {body}", response.status));
    }
}
