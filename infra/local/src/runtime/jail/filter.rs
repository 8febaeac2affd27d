//! The system calls that Lambda's filter refuses. A process inherits the filter and cannot remove it.
//!
//! That `prctl`, `seccomp`, `ptrace` and the calls for namespaces and mounts fail with EPERM in Lambda is known from public
//! issues of programs that tried: ffprobe in a sandbox, Chromium, tini, strace. The other calls in the list achieve the same
//! effects, or are refused in every container without privileges. All remaining calls are allowed.

use std::collections::BTreeMap;
use std::io;

use anyhow::{Context, Result};
use libc::{c_int, c_long};
use rustix::process::Resource;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// Calls that fail with EPERM, with any arguments.
const REFUSED: &[c_long] = &[
    // a process's own privileges
    libc::SYS_prctl,
    libc::SYS_seccomp,
    libc::SYS_bpf,
    // namespaces and mounts
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_perf_event_open,
    // the kernel
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
];

/// Calls that fail with ENOSYS. Lambda's kernel has no Landlock. A filter cannot inspect the flags of `clone3`, so libraries
/// must fall back to `clone`.
const UNKNOWN: &[c_long] = &[
    libc::SYS_clone3,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
];

/// Flags of `clone` that create namespaces.
const NAMESPACES: &[c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The filters, compiled once.
pub(super) struct Filters {
    ignored: Option<BpfProgram>,
    unknown: BpfProgram,
    refused: BpfProgram,
}

impl Filters {
    /// Compiles the filters.
    pub(super) fn compile() -> Result<Self> {
        let always = |calls: &[c_long]| calls.iter().map(|call| (*call, Vec::new())).collect();
        let mut refused: BTreeMap<_, _> = always(REFUSED);
        let rules = NAMESPACES.iter().map(|flag| flag_of_clone(*flag)).collect::<Result<Vec<_>>>()?;
        refused.insert(libc::SYS_clone, rules);
        let (unknown, refused) = (compile(always(UNKNOWN), libc::ENOSYS)?, compile(refused, libc::EPERM)?);
        Ok(Self { ignored: None, unknown, refused })
    }

    /// Compiles the filters for programs that an emulator runs. QEMU starts a thread before the program, and exits if that
    /// fails, so calls that limit processes are ignored.
    pub(super) fn compile_emulated() -> Result<Self> {
        let ignored = BTreeMap::from([(libc::SYS_prlimit64, vec![limit_of_processes()?])]);
        Ok(Self { ignored: Some(compile(ignored, 0)?), ..Self::compile()? })
    }

    /// Applies the filters to the calling thread, irrevocably. Allocates nothing.
    pub(super) fn apply(&self) -> io::Result<()> {
        // The refusing filter is last: it refuses to install another one.
        for filter in self.ignored.iter().chain([&self.unknown, &self.refused]) {
            apply_filter(filter).map_err(|error| match error {
                seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => error,
                _ => io::ErrorKind::InvalidInput.into(),
            })?;
        }
        Ok(())
    }
}

fn flag_of_clone(flag: c_int) -> Result<SeccompRule> {
    let flag = u64::try_from(flag)?;
    let set = SeccompCmpOp::MaskedEq(flag);
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, set, flag)?;
    Ok(SeccompRule::new(vec![condition])?)
}

/// Matches a call that sets a limit of processes.
fn limit_of_processes() -> Result<SeccompRule> {
    let resource = Resource::Nproc as u64;
    let of_processes = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, resource)?;
    let is_set = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    Ok(SeccompRule::new(vec![of_processes, is_set])?)
}

fn compile(calls: BTreeMap<c_long, Vec<SeccompRule>>, errno: c_int) -> Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().context("no filter for this processor")?;
    let refuse = SeccompAction::Errno(u32::try_from(errno)?);
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, refuse, architecture)?;
    Ok(filter.try_into()?)
}
