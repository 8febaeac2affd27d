//! Downloads, into a file beside the wanted one that takes its name when it is whole and right.

use std::path::PathBuf;

use files_domain::FileName;
use futures_util::StreamExt;
use indicatif::ProgressBar;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api::{Api, storage_refusal, unreachable};
use crate::arguments::Download;
use crate::back_off::{TRIES, pause};
use crate::checksum::{Check, Checksum};
use crate::failure::{Failure, each};
use crate::print::Print;
use crate::simple::{id_of, segment};

/// What is to be downloaded, and where to.
struct Wanted {
    id: String,
    /// The API's address of the download.
    address: String,
    size: u64,
    checksum: Option<Checksum>,
    target: PathBuf,
    /// Where it grows.
    partial: PathBuf,
}

pub(crate) async fn download(api: &Api, options: &Download, print: &Print) -> Result<(), Failure> {
    if let (Some(output), 2..) = (&options.output, options.ids.len())
        && !output.is_dir()
    {
        return Err(Failure::local(output, "is no folder, and several files are wanted"));
    }
    each(&options.ids, print, async |id| {
        let file = api.get(&format!("/files/{}", segment(id))).await?;
        let wanted = Wanted::new(&file, options)?;
        wanted.fetch(api, print).await?;
        print.done(&wanted.id, "downloaded", &wanted.target.display().to_string())
    })
    .await
}

impl Wanted {
    fn new(file: &Value, options: &Download) -> Result<Self, Failure> {
        let id = id_of(file)?;
        // It is the service's word, so it is cleaned once more before it becomes a path of this machine.
        let name = file["name"].as_str().and_then(FileName::clean).unwrap_or_else(FileName::fallback);
        let target = match &options.output {
            Some(path) if !path.is_dir() => path.clone(),
            folder => folder.clone().unwrap_or_default().join(name.as_str()),
        };
        if target.exists() && !options.force {
            return Err(Failure::local(&target, "is there already; --force replaces it"));
        }
        let partial = target.with_file_name(format!(".{id}.part"));
        let (Some(address), Some(size)) = (file["download_url"].as_str(), file["size"].as_u64()) else {
            let status = file["status"].as_str().unwrap_or_default();
            return Err(Failure::FileFailed(format!("{id} has nothing to download: it is {status}")));
        };
        let checksum = Option::<Checksum>::deserialize(&file["checksum"]).unwrap_or_default();
        Ok(Self {
            address: format!("{address}?redirect=false&expires_in=3600"),
            id,
            size,
            checksum,
            target,
            partial,
        })
    }

    async fn fetch(&self, api: &Api, print: &Print) -> Result<(), Failure> {
        let mut check = Check::new(self.checksum.as_ref());
        let mut have = self.read_partial(&mut check).await?;
        let bar = print.progress(&self.target.display().to_string(), self.size, have);
        let mut file = self.open().await?;
        let mut attempt = 0;
        while have < self.size {
            let before = have;
            match self.go_on(api, &mut file, &mut check, &mut have, &bar).await {
                Ok(()) => {}
                Err((failure, false)) => return Err(failure),
                Err((failure, true)) if attempt + 1 >= TRIES => return Err(failure),
                Err(_) => pause(attempt, None).await,
            }
            // Whoever gets on may go on for ever.
            attempt = if have > before { 0 } else { attempt + 1 };
        }
        let wrong = |error: std::io::Error| Failure::local(&self.partial, error);
        file.sync_all().await.map_err(wrong)?;
        bar.finish_and_clear();
        if have != self.size || !check.fits() {
            std::fs::remove_file(&self.partial).map_err(wrong)?;
            return Err(Failure::local(
                &self.target,
                "does not have the file's checksum: it was thrown away",
            ));
        }
        std::fs::rename(&self.partial, &self.target).map_err(|error| Failure::local(&self.target, error))
    }

    /// What an earlier run has brought: a file's bytes never change.
    async fn read_partial(&self, check: &mut Check) -> Result<u64, Failure> {
        let Ok(mut file) = File::open(&self.partial).await else { return Ok(0) };
        let wrong = |error: std::io::Error| Failure::local(&self.partial, error);
        let (mut chunk, mut have) = (vec![0; 256 * 1024], 0);
        loop {
            let read = file.read(&mut chunk).await.map_err(wrong)?;
            if read == 0 {
                break;
            }
            check.update(&chunk[..read]);
            have += read as u64;
        }
        if have <= self.size {
            return Ok(have);
        }
        std::fs::remove_file(&self.partial).map_err(wrong)?;
        *check = Check::new(self.checksum.as_ref());
        Ok(0)
    }

    async fn open(&self) -> Result<File, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(&self.partial).await;
        file.map_err(|error| Failure::local(&self.partial, error))
    }

    /// One request for what is missing. An error with whether another try may end otherwise.
    async fn go_on(
        &self,
        api: &Api,
        file: &mut File,
        check: &mut Check,
        have: &mut u64,
        bar: &ProgressBar,
    ) -> Result<(), (Failure, bool)> {
        let signed = api.get(&self.address).await.map_err(|failure| (failure, false))?;
        let url = signed["url"].as_str().unwrap_or_default();
        let mut get = api.storage(Method::GET, url, &json!({}));
        if *have > 0 {
            get = get.header("range", format!("bytes={have}-"));
        }
        let response = get.send().await.map_err(|error| (unreachable(&error), true))?;
        let expected = if *have > 0 { 206 } else { 200 };
        if response.status().as_u16() != expected {
            let status = response.status().as_u16();
            let passing = matches!(status, 403 | 408 | 429 | 500..);
            return Err((storage_refusal(response).await, passing));
        }
        self.append(response, file, check, have, bar).await
    }

    async fn append(
        &self,
        response: Response,
        file: &mut File,
        check: &mut Check,
        have: &mut u64,
        bar: &ProgressBar,
    ) -> Result<(), (Failure, bool)> {
        let mut bytes = response.bytes_stream();
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|error| (unreachable(&error), true))?;
            let wrong = |error: std::io::Error| (Failure::local(&self.partial, error), false);
            file.write_all(&chunk).await.map_err(wrong)?;
            file.flush().await.map_err(wrong)?;
            check.update(&chunk);
            *have += chunk.len() as u64;
            bar.inc(chunk.len() as u64);
        }
        Ok(())
    }
}
