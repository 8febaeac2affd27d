//! Runs the functions' processes as Lambda runs them: what it refuses is refused here.
//!
//! Everywhere: a filter of system calls and limits of resources. As root besides: a user of its own for each process, and
//! a file system that is read-only but for `/tmp`.

mod filter;
mod limits;
mod mounts;
mod user;

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::fs::Mode;
use rustix::process::{chdir, geteuid, umask};

use crate::template::Function;
use filter::Filters;
use mounts::Mounts;
pub(super) use user::end_all;

/// Where a function's code is, in Lambda.
const TASK: &str = "/var/task";
/// What a trial ends with when all went well. No step of it fails so.
const PASSED: i32 = libc::EOWNERDEAD;

/// What this machine can do of it. Cheap to clone.
#[derive(Clone)]
pub struct Jail {
    filters: Option<Arc<Filters>>,
    /// What all functions see of the machine; `None` where their file system cannot be kept apart.
    machine: Option<Mounts>,
    /// What is missing, and why.
    missing: Vec<String>,
}

/// A file of a function's layers.
#[derive(Clone, Debug)]
pub struct LayerFile {
    /// Below `/opt`, such as `bin/tool`.
    pub at: PathBuf,
    /// On this machine.
    pub file: PathBuf,
}

impl Jail {
    /// Detects by trial what is possible on this machine.
    ///
    /// # Errors
    /// There is no filter for this processor.
    pub fn detect() -> Result<Self> {
        Self::with_filters(Filters::compile()?, Vec::new())
    }

    /// Detects what is possible for functions that an emulator runs.
    ///
    /// # Errors
    /// There is no filter for this processor.
    pub fn detect_emulated() -> Result<Self> {
        let missing = "limits of processes that functions set have no effect (--emulated)".to_owned();
        Self::with_filters(Filters::compile_emulated()?, vec![missing])
    }

    fn with_filters(filters: Filters, mut missing: Vec<String>) -> Result<Self> {
        let filters = Arc::new(filters);
        let tried = trial({
            let filters = filters.clone();
            move || filters.apply()
        });
        if let Err(error) = &tried {
            missing.push(format!("functions may make system calls that Lambda refuses ({error})"));
        }
        let machine = if geteuid().is_root() {
            kept_apart()
        } else {
            Err(anyhow::anyhow!("files-local does not run as root"))
        };
        if let Err(error) = &machine {
            missing.push(format!(
                "functions run as this user, and see and write what this user may; in Lambda they have only /tmp ({error:#})"
            ));
        }
        Ok(Self { filters: tried.is_ok().then_some(filters), machine: machine.ok(), missing })
    }

    /// Returns what this machine cannot do, one line each.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Returns whether functions have users and a file system of their own, with layers at `/opt`.
    #[must_use]
    pub fn keeps_apart(&self) -> bool {
        self.machine.is_some()
    }

    /// Returns the user of a function's process.
    pub(super) fn user_of(&self, pid: u32) -> u32 {
        if self.keeps_apart() { user::of_process(pid) } else { geteuid().as_raw() }
    }

    /// Makes the cell for the processes of a function, whose code is in this folder or is this file.
    ///
    /// # Errors
    /// Something that it needs is not there.
    pub(super) fn cell(&self, function: &Function, code: &Code, layers: &[LayerFile]) -> Result<Cell> {
        let mounts = self.machine.clone().map(|mut mounts| {
            code.show(&mut mounts)?;
            for layer in layers.iter().filter(|_| function.has_layers) {
                mounts.show(&layer.file, &Path::new("/opt").join(&layer.at))?;
            }
            mounts.finish(function.ephemeral_storage_mb)?;
            anyhow::Ok(mounts)
        });
        let mounts = mounts.transpose()?;
        let task = if mounts.is_some() { Path::new(TASK) } else { code.folder() };
        let program = code.program(mounts.is_some());
        let arguments = match code {
            Code::Python(..) => ["-B", "-m", "awslambdaric", &function.handler].map(str::to_owned).to_vec(),
            Code::Program(_) | Code::Folder(_) => Vec::new(),
        };
        let entry = Entry {
            filters: self.filters.clone(),
            mounts,
            folder: CString::new(task.as_os_str().as_bytes())?,
        };
        Ok(Cell { task: task.to_owned(), program, arguments, entry: Arc::new(entry) })
    }
}

/// A function's code on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// One program.
    Program(PathBuf),
    /// What would be in its zip, with the program `bootstrap`.
    Folder(PathBuf),
    /// What would be in its zip, for the Python in the second folder, which has Lambda's runtime client.
    Python(PathBuf, PathBuf),
}

impl Code {
    /// Finds a function's code among the others': `<functions>/<name>`, a program or a folder with what is in its zip;
    /// for Python also `<functions>/python`, a virtual environment.
    pub(super) fn find(functions: &Path, function: &Function) -> Option<Self> {
        let code = functions.join(&function.binary).canonicalize().ok()?;
        if function.is_python {
            let python = functions.join("python").canonicalize().ok()?;
            return (code.is_dir() && python.join("bin/python3").exists())
                .then_some(Self::Python(code, python));
        }
        if code.is_dir() {
            return code.join("bootstrap").is_file().then_some(Self::Folder(code));
        }
        code.is_file().then_some(Self::Program(code))
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Program(program) => program.parent().unwrap_or(Path::new("/")),
            Self::Folder(folder) | Self::Python(folder, _) => folder,
        }
    }

    fn show(&self, mounts: &mut Mounts) -> Result<()> {
        match self {
            Self::Program(program) => mounts.show(program, &Path::new(TASK).join("bootstrap")),
            Self::Folder(folder) => mounts.show(folder, Path::new(TASK)),
            Self::Python(folder, python) => {
                mounts.show(folder, Path::new(TASK))?;
                mounts.show(python, Path::new("/var/lang"))?;
                // The interpreter itself is the one that the environment was made of.
                let interpreter = python.join("bin/python3").canonicalize()?;
                let installed = interpreter.parent().and_then(Path::parent);
                mounts.keep(installed.context("a Python without a folder")?)
            }
        }
    }

    fn program(&self, shown: bool) -> PathBuf {
        match self {
            Self::Program(_) | Self::Folder(_) if shown => Path::new(TASK).join("bootstrap"),
            Self::Python(..) if shown => PathBuf::from("/var/lang/bin/python3"),
            Self::Program(program) => program.clone(),
            Self::Folder(folder) => folder.join("bootstrap"),
            Self::Python(_, python) => python.join("bin/python3"),
        }
    }
}

/// Where the processes of one function run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cell {
    /// The folder with the function's code, as its process sees it.
    pub(super) task: PathBuf,
    program: PathBuf,
    arguments: Vec<String>,
    entry: Arc<Entry>,
}

impl Cell {
    /// Returns the command of the function's program, which enters the cell between fork and exec.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Returns what a new process does before it becomes the program.
    pub(super) fn entry(&self) -> Arc<Entry> {
        self.entry.clone()
    }
}

/// The way into a cell.
pub(super) struct Entry {
    filters: Option<Arc<Filters>>,
    mounts: Option<Mounts>,
    folder: CString,
}

impl Entry {
    /// Moves the calling process, which must have one thread only, into the cell, but for [`Entry::close`]. Allocates
    /// nothing.
    pub(super) fn enter(&self) -> io::Result<()> {
        umask(Mode::WGRP | Mode::WOTH);
        if let Some(mounts) = &self.mounts {
            mounts.enter()?;
        }
        chdir(self.folder.as_c_str())?;
        limits::set(self.mounts.is_some())?;
        if self.mounts.is_some() { user::become_own() } else { Ok(()) }
    }

    /// Applies the filters: from here on the calls that Lambda refuses are refused. Allocates nothing.
    pub(super) fn close(&self) -> io::Result<()> {
        self.filters.as_ref().map_or(Ok(()), |filters| filters.apply())
    }
}

/// Returns what all functions see, if processes of this user can be confined to it.
fn kept_apart() -> Result<Mounts> {
    let machine = Mounts::of_this_machine()?;
    let mut mounts = machine.clone();
    mounts.finish(1)?;
    let entry = Entry { filters: None, mounts: Some(mounts), folder: c"/var/task".to_owned() };
    trial(move || entry.enter()).context("a file system of their own")?;
    Ok(machine)
}

/// Tries something in a process of its own, which executes no program.
fn trial(what: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
    let hook = move || what().and_then(|()| Err(io::Error::from_raw_os_error(PASSED)));
    let mut command = Command::new("/");
    #[allow(unsafe_code, reason = "what is tried runs between fork and exec")]
    // SAFETY: what is tried makes system calls only: it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(hook);
    }
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(PASSED) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("a folder was executed")),
    }
}
