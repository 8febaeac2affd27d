//! Opens the local files that the user specifies: files, folders, patterns, and standard input.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::failure::Failure;
use crate::local_file::LocalFile;

/// The path that denotes standard input.
const STANDARD_INPUT: &str = "-";

/// Opens all files. For a folder, opens all regular files in it and its subfolders, sorted by name, without following symbolic
/// links.
///
/// # Errors
/// One failure per path that cannot be read or matches no file.
pub(crate) fn open_all(paths: &[PathBuf]) -> Result<Vec<LocalFile>, Vec<Failure>> {
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for outcome in paths.iter().flat_map(|path| open(path)) {
        match outcome {
            Ok(file) => files.push(file),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(files) } else { Err(failures) }
}

fn open(path: &Path) -> Vec<Result<LocalFile, Failure>> {
    if path == Path::new(STANDARD_INPUT) {
        vec![copy_of_standard_input()]
    } else if path.is_dir() {
        files_in(path)
    } else if path.symlink_metadata().is_err() && is_pattern(path) {
        matching(path)
    } else {
        vec![LocalFile::open(path)]
    }
}

/// Opens the regular files in a folder and its subfolders.
fn files_in(folder: &Path) -> Vec<Result<LocalFile, Failure>> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    let files = entries.filter_map(|entry| match entry {
        Ok(entry) => entry.file_type().is_file().then(|| LocalFile::open(entry.path())),
        Err(error) => Some(Err(Failure::local(folder, error))),
    });
    some_of(files.collect(), folder, "has no files")
}

/// Opens the files that match a pattern, for shells that do not expand patterns.
fn matching(pattern: &Path) -> Vec<Result<LocalFile, Failure>> {
    let paths = match glob::glob(&pattern.to_string_lossy()) {
        Ok(paths) => paths,
        Err(error) => return vec![Err(Failure::local(pattern, error))],
    };
    let files = paths.filter_map(|path| match path {
        Ok(path) if path.is_dir() => None,
        Ok(path) => Some(LocalFile::open(&path)),
        Err(error) => Some(Err(Failure::local(error.path(), error.error()))),
    });
    some_of(files.collect(), pattern, "matches no file")
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn some_of(
    files: Vec<Result<LocalFile, Failure>>,
    path: &Path,
    otherwise: &str,
) -> Vec<Result<LocalFile, Failure>> {
    if files.is_empty() { vec![Err(Failure::local(path, otherwise))] } else { files }
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
        open_all(paths).unwrap().iter().map(LocalFile::name).collect()
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
    fn all_failures_are_returned() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::write(root.join("a"), "a").unwrap();
        std::fs::create_dir(root.join("empty")).unwrap();
        let paths = ["missing", "a", "empty", "*.mp4", "["].map(|name| root.join(name));
        let failures = open_all(&paths).unwrap_err();
        let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 4, "{texts:?}");
        for (text, part) in texts.iter().zip(["missing", "has no files", "matches no file", "["]) {
            assert!(text.contains(part), "{text}");
        }
    }
}
