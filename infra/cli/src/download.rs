//! Downloads files. A download is written to a temporary file in the target's folder, which is renamed once size and checksum are
//! verified.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use files_domain::FileName;
use futures_util::StreamExt;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api::{Api, storage_refusal, unreachable};
use crate::arguments::Download;
use crate::back_off::{MAX_ATTEMPTS, back_off};
use crate::checksum::{Checksum, Verifier};
use crate::each::each;
use crate::failure::Failure;
use crate::print::Print;
use crate::progress::Bar;
use crate::simple::{id_of, path_of};

/// The number of concurrent downloads.
const CONCURRENCY: usize = 4;

/// A download.
struct Target {
    id: String,
    /// The URL that returns a presigned URL.
    url: String,
    size: u64,
    checksum: Option<Checksum>,
    path: PathBuf,
    /// The path of the temporary file.
    partial: PathBuf,
}

pub(crate) async fn download(api: &Api, options: &Download, print: &Print) -> Result<(), Failure> {
    if let Some(output) = &options.output {
        check_output(output, options.ids.len())?;
    }
    let ids = distinct(&options.ids, print);
    let claims = Claims::default();
    let download = async |id: &&String| {
        let target = Target::new(&*api.get(&path_of(id)).await?, options)?;
        claims.claim(&target)?;
        target.fetch(api, print).await?;
        Ok(target)
    };
    let show = |_: &&String, target: Target| {
        print.done(&target.id, "downloaded", Some(&target.path.display().to_string()))
    };
    each(&ids, CONCURRENCY, print, download, show).await
}

/// Returns the ids, each once. Ids are equal in any case (RFC 9562, section 4).
fn distinct<'a>(ids: &'a [String], print: &Print) -> Vec<&'a String> {
    let mut seen = HashSet::new();
    let is_new = |id: &&String| {
        let is_new = seen.insert(id.to_ascii_lowercase());
        if !is_new {
            print.note(&format!("{id} is given twice"));
        }
        is_new
    };
    ids.iter().filter(is_new).collect()
}

/// Checks that the files can be written, before any byte is requested.
fn check_output(output: &Path, files: usize) -> Result<(), Failure> {
    if output.is_dir() {
        return Ok(());
    }
    if files > 1 {
        return Err(Failure::local(output, "is not a folder, but there are several files to download"));
    }
    if output.as_os_str().as_encoded_bytes().ends_with(b"/") || output.file_name().is_none() {
        return Err(Failure::local(output, "is not a folder"));
    }
    match output.parent() {
        Some(folder) if folder.as_os_str().is_empty() || folder.is_dir() => Ok(()),
        Some(folder) => Err(Failure::local(folder, "is not a folder")),
        None => Ok(()),
    }
}

/// The targets of one command, so that no file replaces another one of the same name.
#[derive(Default)]
struct Claims(RefCell<HashMap<PathBuf, String>>);

impl Claims {
    fn claim(&self, target: &Target) -> Result<(), Failure> {
        let other = self.0.borrow_mut().insert(target.path.clone(), target.id.clone());
        match other {
            None => Ok(()),
            Some(other) => {
                let both = format!("has the same path as {other}; download {} alone, with -o", target.id);
                Err(Failure::local(&target.path, both))
            }
        }
    }
}

impl Target {
    fn new(file: &Value, options: &Download) -> Result<Self, Failure> {
        let id = id_of(file)?;
        // The name comes from the service, so it is sanitised again before it is used as a local path.
        let name = file["name"].as_str().and_then(FileName::clean).unwrap_or_else(FileName::fallback);
        let path = match &options.output {
            Some(path) if !path.is_dir() => path.clone(),
            folder => folder.clone().unwrap_or_default().join(name.as_str()),
        };
        if path.exists() && !options.force {
            return Err(Failure::local(&path, "exists already; use --force to replace it"));
        }
        let partial = path.with_file_name(format!(".{id}.part"));
        let (Some(url), Some(size)) = (file["download_url"].as_str(), file["size"].as_u64()) else {
            let status = file["status"].as_str().unwrap_or_default();
            return Err(Failure::FileFailed(format!("{id} cannot be downloaded: its status is {status}")));
        };
        let checksum = Option::<Checksum>::deserialize(&file["checksum"]).unwrap_or_default();
        Ok(Self { url: format!("{url}?redirect=false&expires_in=3600"), id, size, checksum, path, partial })
    }

    async fn fetch(&self, api: &Api, print: &Print) -> Result<(), Failure> {
        let mut verifier = Verifier::new(self.checksum.as_ref());
        let mut received = self.read_partial(&mut verifier).await?;
        let bar = print.bars.add(&self.path.display().to_string(), self.size, received);
        let mut file = self.open().await?;
        let mut attempt = 0;
        while received < self.size {
            let before = received;
            match self.resume(api, &mut file, &mut verifier, &mut received, &bar).await {
                Ok(()) => {}
                Err((failure, false)) => return Err(failure),
                Err((failure, true)) if attempt + 1 >= MAX_ATTEMPTS => return Err(failure),
                Err(_) => back_off(attempt, None).await,
            }
            // Only attempts without progress count.
            attempt = if received > before { 0 } else { attempt + 1 };
        }
        let wrong = |error: std::io::Error| Failure::local(&self.partial, error);
        file.sync_all().await.map_err(wrong)?;
        bar.finish();
        if received != self.size || !verifier.matches() {
            std::fs::remove_file(&self.partial).map_err(wrong)?;
            return Err(Failure::local(
                &self.path,
                "does not have the expected checksum; the downloaded file was deleted",
            ));
        }
        std::fs::rename(&self.partial, &self.path).map_err(|error| Failure::local(&self.path, error))
    }

    /// Adds the bytes of an earlier run to the checksum. They are still valid, because the bytes of a file never change. Returns
    /// their number.
    async fn read_partial(&self, verifier: &mut Verifier) -> Result<u64, Failure> {
        let Ok(mut file) = File::open(&self.partial).await else { return Ok(0) };
        let wrong = |error: std::io::Error| Failure::local(&self.partial, error);
        let (mut chunk, mut received) = (vec![0; 256 * 1024], 0);
        loop {
            let read = file.read(&mut chunk).await.map_err(wrong)?;
            if read == 0 {
                break;
            }
            verifier.update(&chunk[..read]);
            received += read as u64;
        }
        if received <= self.size {
            return Ok(received);
        }
        std::fs::remove_file(&self.partial).map_err(wrong)?;
        *verifier = Verifier::new(self.checksum.as_ref());
        Ok(0)
    }

    async fn open(&self) -> Result<File, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(&self.partial).await;
        file.map_err(|error| Failure::local(&self.partial, error))
    }

    /// Requests the missing bytes. Returns an error with whether it is transient.
    async fn resume(
        &self,
        api: &Api,
        file: &mut File,
        verifier: &mut Verifier,
        received: &mut u64,
        bar: &Bar,
    ) -> Result<(), (Failure, bool)> {
        let signed = api.get(&self.url).await.map_err(|failure| (failure, false))?;
        let url = signed["url"].as_str().unwrap_or_default();
        let mut get = api.storage(Method::GET, url, &json!({}));
        if *received > 0 {
            get = get.header("range", format!("bytes={received}-"));
        }
        let response = get.send().await.map_err(|error| (unreachable(&error), true))?;
        let expected = if *received > 0 { 206 } else { 200 };
        if response.status().as_u16() != expected {
            let status = response.status().as_u16();
            let is_transient = matches!(status, 403 | 408 | 429 | 500..);
            return Err((storage_refusal(response).await, is_transient));
        }
        self.append(response, file, verifier, received, bar).await
    }

    async fn append(
        &self,
        response: Response,
        file: &mut File,
        verifier: &mut Verifier,
        received: &mut u64,
        bar: &Bar,
    ) -> Result<(), (Failure, bool)> {
        let mut bytes = response.bytes_stream();
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|error| (unreachable(&error), true))?;
            let wrong = |error: std::io::Error| (Failure::local(&self.partial, error), false);
            file.write_all(&chunk).await.map_err(wrong)?;
            file.flush().await.map_err(wrong)?;
            verifier.update(&chunk);
            *received += chunk.len() as u64;
            bar.inc(chunk.len() as u64);
        }
        Ok(())
    }
}
