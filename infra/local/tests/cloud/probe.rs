//! Probes from inside a function what it may do.

use std::collections::BTreeMap;
use std::ffi::c_long;
use std::path::Path;

use serde_json::{Value, json};

/// Calls that are refused whatever their arguments, here zeros.
const CALLS: [(&str, c_long); 23] = [
    ("prctl", libc::SYS_prctl),
    ("seccomp", libc::SYS_seccomp),
    ("bpf", libc::SYS_bpf),
    ("unshare", libc::SYS_unshare),
    ("setns", libc::SYS_setns),
    ("mount", libc::SYS_mount),
    ("umount2", libc::SYS_umount2),
    ("pivot_root", libc::SYS_pivot_root),
    ("open_tree", libc::SYS_open_tree),
    ("move_mount", libc::SYS_move_mount),
    ("fsopen", libc::SYS_fsopen),
    ("fsmount", libc::SYS_fsmount),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("ptrace", libc::SYS_ptrace),
    ("process_vm_readv", libc::SYS_process_vm_readv),
    ("process_vm_writev", libc::SYS_process_vm_writev),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("keyctl", libc::SYS_keyctl),
    ("kexec_load", libc::SYS_kexec_load),
    ("init_module", libc::SYS_init_module),
    ("clone3", libc::SYS_clone3),
    ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
];

/// Returns all results of the probe.
pub(crate) fn probe() -> Value {
    let user = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    json!({
        "calls": calls(),
        "writes": writes(),
        "user": user,
        "groups": rustix::process::getgroups().unwrap().len(),
        "task": names("/var/task"),
        "layers": names("/opt/bin"),
        "devices": names("/dev"),
        "processes": processes(),
        "limits": limits(),
        "tmp": tmp(),
        "working_directory": std::env::current_dir().unwrap(),
        "arguments": std::env::args().collect::<Vec<_>>(),
        "resolves": Path::new("/etc/resolv.conf").exists() == Path::new("/etc/resolv.conf").is_file(),
        "umask": field("Umask:"),
        "home": std::env::home_dir(),
    })
}

/// Returns the error number of each call; 0 if it succeeds.
fn calls() -> BTreeMap<String, i32> {
    let mut errors: BTreeMap<_, _> =
        CALLS.iter().map(|(name, call)| ((*name).to_owned(), error_of(*call, 0))).collect();
    for (name, flag) in
        [("user", libc::CLONE_NEWUSER), ("mounts", libc::CLONE_NEWNS), ("net", libc::CLONE_NEWNET)]
    {
        let flags = c_long::from(flag | libc::SIGCHLD);
        errors.insert(format!("clone with {name}"), error_of(libc::SYS_clone, flags));
    }
    errors
}

#[allow(unsafe_code, reason = "calls that no library makes")]
fn error_of(call: c_long, first: c_long) -> i32 {
    // SAFETY: the kernel does not follow null pointers. If a process were cloned, it would end at once.
    let result = unsafe { libc::syscall(call, first, 0, 0, 0, 0, 0) };
    if call == libc::SYS_clone && result == 0 {
        std::process::exit(0);
    }
    if result < 0 { std::io::Error::last_os_error().raw_os_error().unwrap_or_default() } else { 0 }
}

/// Returns for each folder whether a file can be written there.
fn writes() -> BTreeMap<&'static str, bool> {
    let folders =
        ["/", "/etc", "/usr", "/opt", "/var", "/var/task", "/var/tmp", "/dev", "/dev/shm", "/proc", "/tmp"];
    let write = |folder: &str| {
        let file = Path::new(folder).join(format!("probe-{}", std::process::id()));
        let written = std::fs::write(&file, "x").is_ok();
        let _ = std::fs::remove_file(file);
        written
    };
    folders.map(|folder| (folder, write(folder))).into()
}

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the processes that the function sees.
fn processes() -> Vec<u32> {
    names("/proc").iter().filter_map(|name| name.parse().ok()).collect()
}

fn limits() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap();
    let limit = |line: &str| {
        let (name, values) = line.split_at_checked(26)?;
        let values: Vec<_> = values.split_whitespace().take(2).collect();
        Some((name.trim().to_owned(), values.join(" ")))
    };
    text.lines().skip(1).filter_map(limit).collect()
}

fn tmp() -> Value {
    let size = rustix::fs::statvfs("/tmp").unwrap();
    let mode = {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata("/tmp").unwrap().permissions().mode() & 0o7777
    };
    json!({"bytes": size.f_blocks * size.f_frsize, "mode": mode, "files": names("/tmp")})
}

fn field(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}
