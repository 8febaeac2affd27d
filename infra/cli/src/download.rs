//! Downloads into a temporary file beside the target, which takes the name of the target when size and checksum are right.

use std::path::PathBuf;

use files_domain::FileName;
use futures_util::StreamExt;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api::{Api, storage_refusal, unreachable};
use crate::arguments::Download;
use crate::back_off::{TRIES, pause};
use crate::checksum::{Check, Checksum};
use crate::each::each;
use crate::failure::Failure;
use crate::print::Print;
use crate::progress::Bar;
use crate::simple::{id_of, path_of};

/// Downloads side by side.
const AT_ONCE: usize = 4;

/// One download.
struct Target {
    id: String,
    /// The address of the download.
    address: String,
    size: u64,
    checksum: Option<Checksum>,
    path: PathBuf,
    /// The file that has the bytes until they are complete.
    partial: PathBuf,
}

pub(crate) async fn download(api: &Api, options: &Download, print: &Print) -> Result<(), Failure> {
    if let (Some(output), 2..) = (&options.output, options.ids.len())
        && !output.is_dir()
    {
        return Err(Failure::local(output, "is not a folder, and there are several files"));
    }
    let download = async |id: &String| {
        let target = Target::new(&*api.get(&path_of(id)).await?, options)?;
        target.fetch(api, print).await?;
        Ok(target)
    };
    let show =
        |_: &String, target: Target| print.done(&target.id, "downloaded", &target.path.display().to_string());
    each(&options.ids, AT_ONCE, print, download, show).await
}

impl Target {
    fn new(file: &Value, options: &Download) -> Result<Self, Failure> {
        let id = id_of(file)?;
        // The name comes from the service: it is cleaned once more before it becomes a path of this machine.
        let name = file["name"].as_str().and_then(FileName::clean).unwrap_or_else(FileName::fallback);
        let path = match &options.output {
            Some(path) if !path.is_dir() => path.clone(),
            folder => folder.clone().unwrap_or_default().join(name.as_str()),
        };
        if path.exists() && !options.force {
            return Err(Failure::local(&path, "is there already; --force replaces it"));
        }
        let partial = path.with_file_name(format!(".{id}.part"));
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
            path,
            partial,
        })
    }

    async fn fetch(&self, api: &Api, print: &Print) -> Result<(), Failure> {
        let mut check = Check::new(self.checksum.as_ref());
        let mut have = self.read_partial(&mut check).await?;
        let bar = print.bars.add(&self.path.display().to_string(), self.size, have);
        let mut file = self.open().await?;
        let mut attempt = 0;
        while have < self.size {
            let before = have;
            match self.resume(api, &mut file, &mut check, &mut have, &bar).await {
                Ok(()) => {}
                Err((failure, false)) => return Err(failure),
                Err((failure, true)) if attempt + 1 >= TRIES => return Err(failure),
                Err(_) => pause(attempt, None).await,
            }
            // Tries without progress are counted.
            attempt = if have > before { 0 } else { attempt + 1 };
        }
        let wrong = |error: std::io::Error| Failure::local(&self.partial, error);
        file.sync_all().await.map_err(wrong)?;
        bar.finish();
        if have != self.size || !check.fits() {
            std::fs::remove_file(&self.partial).map_err(wrong)?;
            return Err(Failure::local(
                &self.path,
                "does not have the checksum of the file; the download was deleted",
            ));
        }
        std::fs::rename(&self.partial, &self.path).map_err(|error| Failure::local(&self.path, error))
    }

    /// Reads the bytes of an earlier run: the bytes of a file never change.
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

    /// Requests the missing bytes. An error comes with whether it is transient.
    async fn resume(
        &self,
        api: &Api,
        file: &mut File,
        check: &mut Check,
        have: &mut u64,
        bar: &Bar,
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
        bar: &Bar,
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
