//! The file system of a function: this machine's, read-only and without the parts that Lambda lacks, with its own `/var/task`,
//! `/opt` and `/tmp`.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change};
use rustix::process::{chdir, chroot};
use rustix::thread::UnshareFlags;

/// The folder in which the new root is built. It exists on every machine, and the new root gets its own `/proc`.
const SCAFFOLD: &str = "/proc";

/// Folders of the machine's root that are hidden: Lambda lacks them or has another one, or they belong to the machine's users.
const HIDDEN: &[&str] = &[
    "boot",
    "dev",
    "home",
    "lost+found",
    "media",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "tmp",
    "var",
];

/// Files that programs need to resolve names, check certificates and tell the time. Many are links, often into hidden folders.
const NEEDED: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

/// The devices in `/dev`: no shared memory, no terminals.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// One step in building the new root. Paths are below [`SCAFFOLD`].
#[derive(Clone, Debug)]
enum Step {
    Folder(CString),
    File(CString),
    /// A link, and its target.
    Link(CString, CString),
    /// A folder or file of the machine, and its place.
    Bind(CString, CString),
    /// A `/proc` in which a process sees only its own user's processes.
    Proc(CString),
    /// A file system in memory, and its options.
    Memory(CString, CString),
    /// Makes everything mounted so far read-only.
    ReadOnly,
}

/// The steps to a new root, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Mounts {
    steps: Vec<Step>,
    there: BTreeSet<PathBuf>,
    shown: BTreeSet<PathBuf>,
}

impl Mounts {
    /// Returns the part of this machine that all functions see.
    pub(super) fn of_this_machine() -> Result<Self> {
        let mut mounts = Self::default();
        for entry in std::fs::read_dir("/").context("cannot list /")? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), entry.path());
            if HIDDEN.iter().any(|hidden| name == **hidden) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                mounts.link(&path, &std::fs::read_link(&path)?)?;
            } else if kind.is_dir() && entry.metadata()?.permissions().mode() & 0o001 != 0 {
                mounts.show(&path, &path)?;
                mounts.shown.insert(path);
            }
        }
        mounts.devices()?;
        mounts.folder(Path::new("/proc"))?;
        mounts.steps.push(Step::Proc(inside(Path::new("/proc"))?));
        for folder in ["/sys", "/tmp", "/opt", "/var/task", "/var/lang", "/var/runtime"] {
            mounts.folder(Path::new(folder))?;
        }
        for path in NEEDED {
            if let Ok(path) = Path::new(path).canonicalize() {
                mounts.keep(path.parent().unwrap_or(&path))?;
            }
        }
        Ok(mounts)
    }

    fn devices(&mut self) -> Result<()> {
        for name in DEVICES {
            let path = Path::new("/dev").join(name);
            if path.exists() {
                self.show(&path, &path)?;
            }
        }
        for (name, to) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
            self.link(&Path::new("/dev").join(name), &Path::new("/proc/self").join(to))?;
        }
        Ok(())
    }

    /// Mounts a folder at its own path, unless it is visible already.
    pub(super) fn keep(&mut self, folder: &Path) -> Result<()> {
        let is_shown = folder.ancestors().any(|above| self.shown.contains(above));
        if is_shown || folder == Path::new("/") {
            return Ok(());
        }
        self.shown.insert(folder.to_owned());
        self.show(folder, folder)
    }

    /// Mounts a file or folder of the machine at a path of the new root.
    pub(super) fn show(&mut self, path: &Path, at: &Path) -> Result<()> {
        let path = path.canonicalize().with_context(|| format!("no {}", path.display()))?;
        if path.is_dir() {
            self.folder(at)?;
        } else {
            self.folder(at.parent().unwrap_or(at))?;
            self.steps.push(Step::File(inside(at)?));
        }
        self.steps.push(Step::Bind(text(&path)?, inside(at)?));
        Ok(())
    }

    fn link(&mut self, at: &Path, to: &Path) -> Result<()> {
        self.folder(at.parent().unwrap_or(at))?;
        self.steps.push(Step::Link(inside(at)?, text(to)?));
        Ok(())
    }

    /// Creates a folder and its parents.
    fn folder(&mut self, at: &Path) -> Result<()> {
        let missing: Vec<_> = at.ancestors().filter(|above| !self.there.contains(*above)).collect();
        for folder in missing.into_iter().rev().filter(|folder| *folder != Path::new("/")) {
            self.steps.push(Step::Folder(inside(folder)?));
            self.there.insert(folder.to_owned());
        }
        Ok(())
    }

    /// Makes the root read-only, and adds a `/tmp` of this size in MB.
    pub(super) fn finish(&mut self, ephemeral_mb: u64) -> Result<()> {
        let options = CString::new(format!("size={ephemeral_mb}m,mode=1777"))?;
        self.steps.extend([Step::ReadOnly, Step::Memory(inside(Path::new("/tmp"))?, options)]);
        Ok(())
    }

    /// Makes this the root of the calling thread, which must be the only one of its process. Allocates nothing.
    pub(super) fn enter(&self) -> io::Result<()> {
        #[allow(
            unsafe_code,
            reason = "creates a mount namespace; only sharing of open files would be unsafe"
        )]
        // SAFETY: `UnshareFlags::FILES` is not among the flags.
        unsafe {
            rustix::thread::unshare_unsafe(UnshareFlags::NEWNS)?;
        }
        mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
        let none = MountFlags::NOSUID | MountFlags::NODEV;
        mount(c"tmpfs", SCAFFOLD, c"tmpfs", none, c"size=1m,mode=755")?;
        for step in &self.steps {
            step.take()?;
        }
        // A process without the right to call chroot cannot leave it. `pivot_root` would need `umount`, which waits for every
        // processor: 15 ms and more on a busy machine, thirty times the other steps together.
        chroot(SCAFFOLD)?;
        Ok(chdir(c"/")?)
    }
}

impl Step {
    fn take(&self) -> io::Result<()> {
        let none = MountFlags::NOSUID | MountFlags::NODEV;
        match self {
            Self::Folder(at) => rustix::fs::mkdir(at, Mode::from_raw_mode(0o755))?,
            Self::File(at) => {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
                drop(rustix::fs::open(at, flags, Mode::from_raw_mode(0o444))?);
            }
            Self::Link(at, to) => rustix::fs::symlink(to, at)?,
            Self::Bind(from, at) => mount_bind_recursive(from, at)?,
            Self::Proc(at) => {
                let flags = none | MountFlags::NOEXEC;
                // Kernels before 5.8 lack this form of the option; the older form would hide processes from everybody.
                mount(c"proc", at, c"proc", flags, c"hidepid=invisible")
                    .or_else(|_| mount(c"proc", at, c"proc", flags, None))?;
            }
            Self::Memory(at, options) => mount(c"tmpfs", at, c"tmpfs", none, options.as_c_str())?,
            Self::ReadOnly => read_only()?,
        }
        Ok(())
    }
}

#[allow(unsafe_code, reason = "no library offers mount_setattr")]
fn read_only() -> io::Result<()> {
    let attributes =
        libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path and the attributes outlive the call, and the size is that of the attributes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c"/proc".as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn inside(at: &Path) -> Result<CString> {
    text(&Path::new(SCAFFOLD).join(at.strip_prefix("/").unwrap_or(at)))
}

fn text(path: &Path) -> Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
