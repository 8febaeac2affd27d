//! The data folder: everything that survives the process.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;

use crate::identity::Identities;

/// A data folder, locked for this process.
pub struct DataFolder {
    path: PathBuf,
    ports: BTreeMap<String, u16>,
    /// The open file holds the lock.
    _lock: File,
}

impl DataFolder {
    /// Opens the folder, or creates it. Restricts the modes of the folder and its content to this user, also if they exist
    /// already.
    ///
    /// # Errors
    /// The folder cannot be created or written, belongs to another user, or is locked by another process.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("cannot make the data folder {shown}"))?;
        let path = path.canonicalize()?;
        keep_to_this_user(&path).with_context(|| format!("cannot restrict {shown} to this user"))?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"));
        let lock = lock.with_context(|| format!("cannot write into {shown}"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "the data folder {shown} is in use: another files-local runs on it; stop it, or name another folder with --data"
                )
            }
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the data folder"),
        }
        let ports = std::fs::read(path.join("ports.json")).ok();
        let ports = ports.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Ok(Self { path, ports, _lock: lock })
    }

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file or folder in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the callers' keys, which stay the same across restarts.
    ///
    /// # Errors
    /// The seed cannot be read or written.
    pub fn identities(&self) -> Result<Identities> {
        if let Some(text) = self.read_secret("seed")? {
            let mut seed = [0; 32];
            hex::decode_to_slice(&text, &mut seed).context("the file seed of the data folder is damaged")?;
            return Ok(Identities::new(seed));
        }
        let identities = Identities::random()?;
        self.write_secret("seed", &identities.seed())?;
        Ok(identities)
    }

    /// Reads a secret; `None` if there is none.
    ///
    /// # Errors
    /// The file exists and cannot be read.
    pub fn read_secret(&self, name: &str) -> Result<Option<String>> {
        match std::fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {name}")),
        }
    }

    /// Writes a text to a file that only this user can read. The replacement is atomic.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_secret(&self, name: &str, text: &str) -> Result<()> {
        let temporary = self.file(&format!("{name}.new"));
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary);
        let written = file.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.with_context(|| format!("cannot write {name}"))?;
        std::fs::rename(&temporary, self.file(name)).with_context(|| format!("cannot write {name}"))
    }

    /// Removes a file if it exists.
    ///
    /// # Errors
    /// The file exists and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        match std::fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {name}"))
            }
            _ => Ok(()),
        }
    }

    /// Listens on the service's port of the last run, so that signed URLs stay valid; on any free port if that one is in use.
    ///
    /// # Errors
    /// No port is free.
    pub async fn listen(&mut self, service: &str) -> Result<TcpListener> {
        let before = self.ports.get(service).copied().unwrap_or(0);
        let listener = match TcpListener::bind(("127.0.0.1", before)).await {
            Ok(listener) => listener,
            Err(_) => {
                TcpListener::bind(("127.0.0.1", 0)).await.with_context(|| format!("no port for {service}"))?
            }
        };
        self.ports.insert(service.to_owned(), listener.local_addr()?.port());
        self.write_secret("ports.json", &serde_json::to_string(&self.ports)?)?;
        Ok(listener)
    }
}

/// Removes the modes of group and others from the folder and from the files and folders directly in it. What lies deeper is
/// unreachable for others then.
fn keep_to_this_user(folder: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?; // does not follow links
        if kind.is_dir() || kind.is_file() {
            let mode = if kind.is_dir() { 0o700 } else { 0o600 };
            std::fs::set_permissions(entry.path(), Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_folder_is_restricted_to_its_user() {
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (file, inner) = (folder.path().join("api-key"), folder.path().join("s3"));
        std::fs::write(&file, "key").unwrap();
        std::fs::create_dir(&inner).unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        for (path, open) in [(folder.path(), 0o755), (&file, 0o644), (&inner, 0o777), (outside.path(), 0o644)]
        {
            set(path, open);
        }
        DataFolder::open(folder.path()).unwrap();
        assert_eq!([mode(folder.path()), mode(&file), mode(&inner)], [0o700, 0o600, 0o700]);
        assert_eq!(mode(outside.path()), 0o644, "a link's target is not changed");
    }

    #[test]
    fn a_second_process_cannot_open_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataFolder::open(folder.path()).unwrap();
        let second = DataFolder::open(folder.path()).map(|_| ()).unwrap_err();
        assert!(second.to_string().contains("in use"), "{second}");
        drop(held);
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn the_seed_survives_a_restart_and_is_secret() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("new")).unwrap();
        let first = data.identities().unwrap().keys("sweep").secret_access_key;
        assert_eq!(data.identities().unwrap().keys("sweep").secret_access_key, first);
        let mode = std::fs::metadata(data.file("seed")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        data.write_secret("seed", "damaged").unwrap();
        assert!(data.identities().is_err());
    }

    #[tokio::test]
    async fn ports_are_reused_if_free() {
        let folder = tempfile::tempdir().unwrap();
        let mut data = DataFolder::open(folder.path()).unwrap();
        let first = data.listen("s3").await.unwrap();
        let port = first.local_addr().unwrap().port();
        drop((first, data));
        let mut data = DataFolder::open(folder.path()).unwrap();
        let again = data.listen("s3").await.unwrap();
        assert_eq!(again.local_addr().unwrap().port(), port);
        let other = data.listen("s3").await.unwrap();
        assert_ne!(other.local_addr().unwrap().port(), port, "in use: another port");
    }
}
