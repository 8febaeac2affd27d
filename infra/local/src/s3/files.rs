//! The folder of bytes: files with opaque names. A file is staged, renamed into place, and removed after its last reader.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The files of the bucket: `staged/` holds bodies in transfer, `objects/` the files that the index names.
pub(super) struct ObjectFiles {
    staged: PathBuf,
    objects: PathBuf,
    readers: Mutex<HashMap<String, Readers>>,
}

/// The current readers of each file. A replaced or deleted file stays until its last reader is done.
#[derive(Default)]
struct Readers {
    count: usize,
    doomed: bool,
}

impl ObjectFiles {
    /// Opens `folder`, and deletes staged files that a crash left.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let (staged, objects) = (folder.join("staged"), folder.join("objects"));
        match fs::remove_dir_all(&staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&staged)?;
        fs::create_dir_all(&objects)?;
        Ok(Self { staged, objects, readers: Mutex::default() })
    }

    /// Creates a staged file for a body.
    pub(super) fn stage(&self) -> io::Result<Staged> {
        let name = Uuid::now_v7().simple().to_string();
        let path = self.staged.join(&name);
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Staged { file, guard: Guard { path: Some(path), name } })
    }

    /// Moves a complete file into place. It is deleted again unless it is [indexed](Stored::indexed).
    pub(super) fn store(&self, staged: Staged) -> io::Result<Stored> {
        let mut guard = staged.guard;
        let target = self.path(&guard.name);
        if let Some(path) = &guard.path {
            fs::rename(path, &target)?;
        }
        guard.path = Some(target);
        Ok(Stored(guard))
    }

    /// Locks files for reading: they stay until the result is dropped.
    pub(super) fn hold(self: &Arc<Self>, names: Vec<String>) -> Held {
        let mut readers = self.readers();
        for name in &names {
            readers.entry(name.clone()).or_default().count += 1;
        }
        drop(readers);
        Held { files: Arc::clone(self), names }
    }

    /// Removes files that the index no longer names, at once or after their last reader.
    pub(super) fn remove(&self, names: &[String]) {
        let mut readers = self.readers();
        for name in names {
            match readers.get_mut(name) {
                Some(reading) => reading.doomed = true,
                None => remove_file(&self.path(name)),
            }
        }
    }

    /// Removes every file for which `is_named` returns `false`.
    pub(super) fn sweep<E: From<io::Error>>(
        &self,
        is_named: impl Fn(&str) -> Result<bool, E>,
    ) -> Result<(), E> {
        for entry in fs::read_dir(&self.objects)? {
            let entry = entry?;
            if !is_named(&entry.file_name().to_string_lossy())? {
                remove_file(&entry.path());
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.objects.join(name)
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<String, Readers>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body in transfer. If it is dropped, its file is deleted.
pub(super) struct Staged {
    /// Open for writing.
    pub(super) file: File,
    guard: Guard,
}

/// A complete file that the index does not name yet. If it is dropped, the file is deleted.
pub(super) struct Stored(Guard);

impl Stored {
    /// Returns the name for the index.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Keeps the file, which the index now names.
    pub(super) fn indexed(mut self) {
        self.0.path = None;
    }
}

struct Guard {
    path: Option<PathBuf>,
    name: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            remove_file(path);
        }
    }
}

/// Files that stay while this value lives.
pub(super) struct Held {
    files: Arc<ObjectFiles>,
    names: Vec<String>,
}

impl Held {
    /// Opens the file at `index`.
    pub(super) fn open(&self, index: usize) -> io::Result<File> {
        let name = self.names.get(index).ok_or(io::ErrorKind::NotFound)?;
        File::open(self.files.path(name))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut readers = self.files.readers();
        for name in &self.names {
            let Some(reading) = readers.get_mut(name) else {
                continue;
            };
            reading.count -= 1;
            if reading.count == 0 {
                let doomed = reading.doomed;
                readers.remove(name);
                if doomed {
                    remove_file(&self.files.path(name));
                }
            }
        }
    }
}

/// Removes a file. A failure costs only space: the next start tries again.
fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "cannot remove a file of S3");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the numbers of staged files and of files in place.
    fn count(folder: &Path) -> (usize, usize) {
        let count = |name: &str| fs::read_dir(folder.join(name)).unwrap().count();
        (count("staged"), count("objects"))
    }

    #[test]
    fn a_file_that_is_not_indexed_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let files = ObjectFiles::open(folder.path()).unwrap();
        drop(files.store(files.stage().unwrap()).unwrap());
        drop(files.stage().unwrap());
        assert_eq!(count(folder.path()), (0, 0));
    }

    #[test]
    fn a_removed_file_stays_until_its_last_reader() {
        let folder = tempfile::tempdir().unwrap();
        let files = Arc::new(ObjectFiles::open(folder.path()).unwrap());
        let stored = files.store(files.stage().unwrap()).unwrap();
        let name = stored.name().to_owned();
        stored.indexed();
        let (first, second) = (files.hold(vec![name.clone()]), files.hold(vec![name.clone()]));
        files.remove(&[name]);
        drop(first);
        assert!(second.open(0).is_ok());
        drop(second);
        assert_eq!(count(folder.path()), (0, 0));
    }

    #[test]
    fn sweeping_keeps_only_named_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = ObjectFiles::open(folder.path()).unwrap();
        let (kept, lost) =
            (files.store(files.stage().unwrap()).unwrap(), files.store(files.stage().unwrap()).unwrap());
        let name = kept.name().to_owned();
        kept.indexed();
        lost.indexed();
        files.sweep::<io::Error>(|file| Ok(file == name)).unwrap();
        assert_eq!(count(folder.path()), (0, 1));
        assert!(folder.path().join("objects").join(name).exists());
    }
}
