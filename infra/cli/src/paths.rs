//! Opens the local files that the user specifies: files, folders, patterns, and standard input.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::failure::Failure;
use crate::local_file::LocalFile;

/// The path that denotes standard input.
const STANDARD_INPUT: &str = "-";

/// The files that the user specifies.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files, each once.
    pub(crate) files: Vec<LocalFile>,
    /// One failure per path that cannot be read or matches no file.
    pub(crate) failures: Vec<Failure>,
    /// The skipped paths, for the user.
    pub(crate) notes: Vec<String>,
}

/// A file to open, or a path that is left out, with the reason.
enum Entry {
    File(LocalFile),
    Skipped(String),
}

/// Opens all files, each once. For a folder, opens all regular files in it and its subfolders, sorted by name, except for names
/// that start with a dot, without following symbolic links.
pub(crate) fn open_all(paths: &[PathBuf]) -> Found {
    let (mut found, mut seen) = (Found::default(), HashSet::new());
    let mut given = HashSet::new();
    for path in paths {
        if is_standard_input(path) && !given.insert(path) {
            found.notes.push("standard input is given twice".to_owned());
            continue;
        }
        for outcome in open(path) {
            match outcome {
                Ok(Entry::File(file)) if seen.insert(file.path.clone()) => found.files.push(file),
                Ok(Entry::File(file)) => found.notes.push(format!("{file} is given twice")),
                Ok(Entry::Skipped(note)) => found.notes.push(note),
                Err(failure) => found.failures.push(failure),
            }
        }
    }
    found
}

/// Returns whether a path denotes standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

fn open(path: &Path) -> Vec<Result<Entry, Failure>> {
    if is_standard_input(path) {
        vec![copy_of_standard_input().map(Entry::File)]
    } else if path.is_dir() {
        files_in(path)
    } else if path.symlink_metadata().is_err() && is_pattern(path) {
        matching(path)
    } else {
        vec![LocalFile::open(path).map(Entry::File)]
    }
}

/// Opens the regular files in a folder and its subfolders, except for names that start with a dot.
fn files_in(folder: &Path) -> Vec<Result<Entry, Failure>> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    let visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry);
    let files = entries.filter_entry(visible).filter_map(|entry| match entry {
        Ok(entry) if entry.path_is_symlink() && entry.depth() > 0 => {
            Some(Ok(Entry::Skipped(format!("{} is skipped: it is a symbolic link", entry.path().display()))))
        }
        Ok(entry) => entry.file_type().is_file().then(|| LocalFile::open(entry.path()).map(Entry::File)),
        Err(error) => Some(Err(Failure::local(folder, error))),
    });
    some_of(files.collect(), folder, "has no files")
}

/// Returns whether a name starts with a dot, as `.DS_Store` and `.git` do.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Opens the files that match a pattern, for shells that do not expand patterns.
fn matching(pattern: &Path) -> Vec<Result<Entry, Failure>> {
    let paths = match glob::glob(&pattern.to_string_lossy()) {
        Ok(paths) => paths,
        Err(error) => return vec![Err(Failure::local(pattern, error))],
    };
    let files = paths.filter_map(|path| match path {
        Ok(path) if path.is_dir() => None,
        Ok(path) => Some(LocalFile::open(&path).map(Entry::File)),
        Err(error) => Some(Err(Failure::local(error.path(), error.error()))),
    });
    some_of(files.collect(), pattern, "matches no file")
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// Adds a failure if there is no file among the entries.
fn some_of(
    mut entries: Vec<Result<Entry, Failure>>,
    path: &Path,
    otherwise: &str,
) -> Vec<Result<Entry, Failure>> {
    if entries.iter().all(|entry| matches!(entry, Ok(Entry::Skipped(_)))) {
        entries.push(Err(Failure::local(path, otherwise)));
    }
    entries
}

/// Copies standard input to a temporary file, because the size of an upload must be known before the first byte is sent.
fn copy_of_standard_input() -> Result<LocalFile, Failure> {
    let wrong = |error: std::io::Error| Failure::local("standard input", error);
    let mut copy = tempfile::NamedTempFile::new().map_err(wrong)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut copy).map_err(wrong)?;
    let copy = copy.into_temp_path();
    let file = LocalFile::open(&copy)?;
    Ok(LocalFile { shown: "standard input".to_owned(), copy: Some(copy), ..file })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        let found = open_all(paths);
        assert!(found.failures.is_empty(), "{found:?}");
        found.files.iter().map(LocalFile::name).collect()
    }

    #[test]
    fn folders_and_patterns_open_their_files_sorted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("b/empty")).unwrap();
        for name in ["c.mp4", "a.mp4", "b/d.mp4", "b/[x]*.txt"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        assert_eq!(names(&[root.to_owned()]), ["a.mp4", "[x]*.txt", "d.mp4", "c.mp4"]);
        assert_eq!(names(&[root.join("*.mp4")]), ["a.mp4", "c.mp4"]);
        assert_eq!(names(&[root.join("**/*.mp4")]), ["a.mp4", "d.mp4", "c.mp4"]);
        assert_eq!(
            names(&[root.join("b/[x]*.txt")]),
            ["[x]*.txt"],
            "the name of an existing file is not a pattern"
        );
    }

    #[test]
    fn a_file_is_opened_once_however_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("a")).unwrap();
        std::fs::write(root.join("clip.mp4"), "clip").unwrap();
        let paths = ["clip.mp4", "./clip.mp4", "a/../clip.mp4", "*.mp4"].map(|name| root.join(name));
        let found = open_all(&paths);
        assert_eq!((found.files.len(), found.notes.len()), (1, 3), "{found:?}");
        assert!(found.notes.iter().all(|note| note.ends_with("clip.mp4 is given twice")), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_read_without_dot_files_and_symbolic_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(".shoot");
        std::fs::create_dir_all(root.join(".hidden")).unwrap();
        for name in ["a.mp4", ".DS_Store", ".hidden/n.txt"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(root.join("a.mp4"), root.join("b.mp4")).unwrap();
        let found = open_all(std::slice::from_ref(&root));
        assert_eq!(found.files.iter().map(LocalFile::name).collect::<Vec<_>>(), ["a.mp4"]);
        assert!(found.notes.len() == 1 && found.notes[0].contains("b.mp4 is skipped"), "{found:?}");
        std::fs::remove_file(root.join("a.mp4")).unwrap();
        assert_eq!(open_all(&[root]).failures.len(), 1, "a folder with links only has no files");
    }

    #[test]
    fn all_failures_are_returned() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::write(root.join("a"), "a").unwrap();
        std::fs::create_dir(root.join("empty")).unwrap();
        let paths = ["missing", "a", "empty", "*.mp4", "["].map(|name| root.join(name));
        let failures = open_all(&paths).failures;
        let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 4, "{texts:?}");
        for (text, part) in texts.iter().zip(["missing", "has no files", "matches no file", "["]) {
            assert!(text.contains(part), "{text}");
        }
    }
}
