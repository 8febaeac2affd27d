//! Confines the functions' processes as Lambda does.
//!
//! Every process has a filter of system calls and resource limits. If the cloud runs as root, a process also has its own user,
//! and a file system that is read-only except for `/tmp`.

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

/// The folder of a function's code in Lambda.
const TASK: &str = "/var/task";
/// The error that reports a successful trial. No step of a trial fails with it.
const PASSED: i32 = libc::EOWNERDEAD;

/// The confinement that this machine supports. Cheap to clone.
#[derive(Clone)]
pub struct Jail {
    filters: Option<Arc<Filters>>,
    /// The part of the machine that all functions see; `None` if they cannot have a file system of their own.
    machine: Option<Mounts>,
    /// The missing parts, with the reasons.
    missing: Vec<String>,
}

/// A file of a function's layers.
#[derive(Clone, Debug)]
pub struct LayerFile {
    /// Path below `/opt`, such as `bin/tool`.
    pub at: PathBuf,
    /// Path on this machine.
    pub file: PathBuf,
}

impl Jail {
    /// Detects by trial how far this machine can confine processes.
    ///
    /// # Errors
    /// There is no filter for this processor.
    pub fn detect() -> Result<Self> {
        Self::with_filters(Filters::compile()?, Vec::new())
    }

    /// Detects how far functions in an emulator can be confined.
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
                "functions run as this user, with all its files; in Lambda they can write only /tmp ({error:#})"
            ));
        }
        Ok(Self { filters: tried.is_ok().then_some(filters), machine: machine.ok(), missing })
    }

    /// Returns the missing parts of the confinement, one line each.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Returns whether functions have their own users and file system, with layers at `/opt`.
    #[must_use]
    pub fn keeps_apart(&self) -> bool {
        self.machine.is_some()
    }

    /// Returns the user of a function's process.
    pub(super) fn user_of(&self, pid: u32) -> u32 {
        if self.keeps_apart() { user::of_process(pid) } else { geteuid().as_raw() }
    }

    /// Creates the cell for the processes of a function from its code.
    ///
    /// # Errors
    /// A required file or folder is missing.
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
    /// A single program.
    Program(PathBuf),
    /// A folder with the content of its zip, including the program `bootstrap`.
    Folder(PathBuf),
    /// A folder with the content of its zip, and the virtual environment with Python and Lambda's runtime client.
    Python(PathBuf, PathBuf),
}

impl Code {
    /// Finds a function's code: `<functions>/<name>`, a program or a folder with the content of its zip. Python functions also
    /// need `<functions>/python`, a virtual environment.
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
                // The environment's interpreter is a link to the one it was created with.
                let interpreter = python.join("bin/python3").canonicalize()?;
                let installed = interpreter.parent().and_then(Path::parent);
                mounts.keep(installed.context("the interpreter has no folder")?)
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

/// The confined environment of one function's processes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cell {
    /// The folder with the function's code, as its process sees it.
    pub(super) task: PathBuf,
    program: PathBuf,
    arguments: Vec<String>,
    entry: Arc<Entry>,
}

impl Cell {
    /// Returns the command that starts the function's program.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Returns the steps between fork and exec.
    pub(super) fn entry(&self) -> Arc<Entry> {
        self.entry.clone()
    }
}

/// The steps with which a process enters a cell.
pub(super) struct Entry {
    filters: Option<Arc<Filters>>,
    mounts: Option<Mounts>,
    folder: CString,
}

impl Entry {
    /// Moves the calling process, which must have only one thread, into the cell. Does everything but [`Entry::close`].
    /// Allocates nothing.
    pub(super) fn enter(&self) -> io::Result<()> {
        umask(Mode::WGRP | Mode::WOTH);
        if let Some(mounts) = &self.mounts {
            mounts.enter()?;
        }
        chdir(self.folder.as_c_str())?;
        limits::set(self.mounts.is_some())?;
        if self.mounts.is_some() { user::become_own() } else { Ok(()) }
    }

    /// Applies the filters, after which Lambda's refused calls fail. Allocates nothing.
    pub(super) fn close(&self) -> io::Result<()> {
        self.filters.as_ref().map_or(Ok(()), |filters| filters.apply())
    }
}

/// Returns the part of the machine that all functions see, if processes of this user can be confined to it.
fn kept_apart() -> Result<Mounts> {
    let machine = Mounts::of_this_machine()?;
    let mut mounts = machine.clone();
    mounts.finish(1)?;
    let entry = Entry { filters: None, mounts: Some(mounts), folder: c"/var/task".to_owned() };
    trial(move || entry.enter()).context("a file system of their own")?;
    Ok(machine)
}

/// Runs a function in a process of its own between fork and exec, which executes no program.
fn trial(what: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
    let hook = move || what().and_then(|()| Err(io::Error::from_raw_os_error(PASSED)));
    let mut command = Command::new("/");
    #[allow(unsafe_code, reason = "the trial runs between fork and exec")]
    // SAFETY: the tried function makes system calls only: it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(hook);
    }
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(PASSED) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("a folder was executed")),
    }
}
