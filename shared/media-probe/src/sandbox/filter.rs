//! The system calls that ffprobe may make. What is not named here fails with `EPERM`.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

use super::program::Loader;

/// Memory, time, waiting, what it has open already, its end. `execve` is its own start, once: see the gate.
const ALWAYS: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrusage,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_set_tid_address,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_ppoll,
    libc::SYS_connect,
    libc::SYS_recvfrom,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
];

/// What loaders, shells and larger libraries look at. None of it changes anything.
const LOADING: &[libc::c_long] = &[
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_pread64,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_faccessat,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
];

/// Not `F_SETOWN` and its like, which have the kernel send signals to others.
const FCNTL: &[libc::c_int] = &[libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];

/// Flags of `open` that make it more than reading.
const WRITING: libc::c_int = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;

/// The filters of one program.
pub(crate) struct Filters {
    /// Has the gate asked about every socket and every start of a program.
    pub(crate) asking: BpfProgram,
    /// Under the gate sockets are connected when they are made: `connect` does nothing and succeeds.
    pub(crate) connected: BpfProgram,
    /// What may be called at all.
    pub(crate) allowed: BpfProgram,
}

impl Filters {
    /// For a program that is loaded so.
    pub(crate) fn new(loader: Loader) -> io::Result<Self> {
        let connect = BTreeMap::from([(libc::SYS_connect, Vec::new())]);
        Ok(Self {
            asking: asking(),
            connected: compile(connect, SeccompAction::Allow, SeccompAction::Errno(0))?,
            allowed: compile(rules(loader)?, SeccompAction::Errno(REFUSED), SeccompAction::Allow)?,
        })
    }
}

#[allow(clippy::cast_sign_loss, reason = "a small positive number")]
const REFUSED: u32 = libc::EPERM as u32;

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

fn rules(loader: Loader) -> io::Result<Rules> {
    let mut rules: Rules = ALWAYS.iter().map(|call| (*call, Vec::new())).collect();
    // TCP over IPv4, and nothing else: no UDP, no IPv6, no local or netlink sockets.
    let stream = all_but(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    rules.insert(
        libc::SYS_socket,
        vec![rule([is(0, libc::AF_INET)?, masked(1, stream, libc::SOCK_STREAM)?])?],
    );
    // To whom it is connected: an address could open a connection of its own.
    let nowhere = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0);
    rules.insert(libc::SYS_sendto, vec![rule([nowhere.map_err(io::Error::other)?])?]);
    let commands = FCNTL.iter().map(|command| rule([is(1, *command)?]));
    rules.insert(libc::SYS_fcntl, commands.collect::<io::Result<_>>()?);
    match loader {
        // No memory that could run what a file brought along.
        Loader::Kernel => {
            for call in [libc::SYS_mmap, libc::SYS_mprotect] {
                rules.insert(call, vec![rule([masked(2, mask(libc::PROT_EXEC), 0)?])?]);
            }
        }
        Loader::Files => {
            rules.extend(LOADING.iter().map(|call| (*call, Vec::new())));
            rules.insert(libc::SYS_openat, vec![rule([masked(2, mask(WRITING), 0)?])?]);
            #[cfg(target_arch = "x86_64")]
            rules.insert(libc::SYS_open, vec![rule([masked(1, mask(WRITING), 0)?])?]);
            // Reading limits, not setting them.
            rules.insert(libc::SYS_prlimit64, vec![rule([is(2, 0)?])?]);
        }
    }
    Ok(rules)
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> io::Result<SeccompRule> {
    SeccompRule::new(conditions.into()).map_err(io::Error::other)
}

/// The argument is this number.
fn is(argument: u8, value: libc::c_int) -> io::Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, mask(value))
        .map_err(io::Error::other)
}

/// The argument's bits in `mask` are those of `value`.
fn masked(argument: u8, mask_of: u64, value: libc::c_int) -> io::Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask_of), mask(value))
        .map_err(io::Error::other)
}

fn mask(bits: libc::c_int) -> u64 {
    u64::from(bits.cast_unsigned())
}

fn all_but(bits: libc::c_int) -> u64 {
    u64::from(!bits.cast_unsigned())
}

fn compile(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> io::Result<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture).map_err(io::Error::other)?;
    BpfProgram::try_from(filter).map_err(io::Error::other)
}

/// `socket` and `execve` are asked about. Written out, since seccompiler knows no such action; that the calls are those
/// of this architecture is what the other filters look at.
fn asking() -> BpfProgram {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step =
        |code: u32, jt: u8, k: u32| sock_filter { code: code.try_into().unwrap_or_default(), jt, jf: 0, k };
    let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
    vec![
        step(LOAD, 0, 0),
        step(IF_EQUAL, 2, number(libc::SYS_socket)),
        step(IF_EQUAL, 1, number(libc::SYS_execve)),
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW),
        step(RETURN, 0, libc::SECCOMP_RET_USER_NOTIF),
    ]
}
