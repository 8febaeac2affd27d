//! The system calls that ffprobe may make. What is not named here fails with `EPERM`.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

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
    /// Has the gate asked about every socket and every start of a program. Sockets are connected when they are made: `connect`
    /// does nothing and succeeds.
    pub(crate) asking: BpfProgram,
    /// What may be called at all.
    pub(crate) allowed: BpfProgram,
}

impl Filters {
    /// For a program that is loaded so. They are compiled once in a process.
    pub(crate) fn of(loader: Loader) -> io::Result<&'static Self> {
        static OF: [OnceLock<Filters>; 2] = [const { OnceLock::new() }; 2];
        let compiled = &OF[usize::from(loader == Loader::Files)];
        if let Some(filters) = compiled.get() {
            return Ok(filters);
        }
        let filters = Self { asking: asking(), allowed: allowed(loader)? };
        Ok(compiled.get_or_init(|| filters))
    }
}

#[allow(clippy::cast_sign_loss, reason = "a small positive number")]
const REFUSED: u32 = libc::EPERM as u32;

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

/// The calls whose arguments matter.
fn rules(loader: Loader) -> io::Result<Rules> {
    let mut rules = Rules::new();
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

fn compile(rules: Rules) -> io::Result<BpfProgram> {
    let (otherwise, matched) = (SeccompAction::Errno(REFUSED), SeccompAction::Allow);
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture).map_err(io::Error::other)?;
    BpfProgram::try_from(filter).map_err(io::Error::other)
}

/// What may be called with any arguments, one step for each, and then what may be called with some. seccompiler takes five
/// for each, and the kernel compiles all of them whenever ffprobe starts.
fn allowed(loader: Loader) -> io::Result<BpfProgram> {
    let loading = if loader == Loader::Files { LOADING } else { &[] };
    let (always, some) = (ALWAYS.len() + loading.len(), compile(rules(loader)?)?);
    let always = u8::try_from(always).map_err(io::Error::other)?;
    let mut program = vec![load(ARCHITECTURE), if_equal(THIS_ARCHITECTURE, 0, always + 3), load(NUMBER)];
    program.extend(
        ALWAYS.iter().chain(loading).zip(0..).map(|(call, index)| if_equal(number(*call), always - index, 0)),
    );
    program.extend([jump(1), answer(libc::SECCOMP_RET_ALLOW)]);
    program.extend(some); // which refuses other architectures
    Ok(program)
}

/// `socket` and `execve` are asked about, `connect` gives 0 and is not carried out. Written out, since seccompiler knows no
/// action that asks; that the calls are those of this architecture is what the other filter looks at.
fn asking() -> BpfProgram {
    vec![
        load(NUMBER),
        if_equal(number(libc::SYS_socket), 3, 0),
        if_equal(number(libc::SYS_execve), 2, 0),
        if_equal(number(libc::SYS_connect), 2, 0),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_USER_NOTIF),
        answer(libc::SECCOMP_RET_ERRNO),
    ]
}

/// Where a call's number and architecture are in what a filter looks at
/// (<https://man7.org/linux/man-pages/man2/seccomp.2.html>).
const NUMBER: u32 = 0;
/// See [`NUMBER`].
const ARCHITECTURE: u32 = 4;

/// As `linux/audit.h` has it.
#[cfg(target_arch = "x86_64")]
const THIS_ARCHITECTURE: u32 = 0xc000_003e;
/// As `linux/audit.h` has it.
#[cfg(target_arch = "aarch64")]
const THIS_ARCHITECTURE: u32 = 0xc000_00b7;

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn load(offset: u32) -> sock_filter {
    step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

/// Goes on so many steps further.
fn if_equal(value: u32, then: u8, otherwise: u8) -> sock_filter {
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, then, otherwise, value)
}

fn jump(steps: u32) -> sock_filter {
    step(libc::BPF_JMP | libc::BPF_JA, 0, 0, steps)
}

fn answer(action: u32) -> sock_filter {
    step(libc::BPF_RET | libc::BPF_K, 0, 0, action)
}

fn step(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code: code.try_into().unwrap_or_default(), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: std::ops::Range<u32> = 0..1_000;

    /// What the kernel would answer to a call whose arguments have all bits set.
    fn answer_to(program: &BpfProgram, call: u32, architecture: u32) -> u32 {
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let step = &program[at];
            at += 1;
            let jump = |to: bool| usize::from(if to { step.jt } else { step.jf });
            match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    accumulator = match step.k {
                        NUMBER => call,
                        ARCHITECTURE => architecture,
                        _ => u32::MAX,
                    }
                }
                code if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => accumulator &= step.k,
                code if code == libc::BPF_JMP | libc::BPF_JA => at += usize::try_from(step.k).unwrap(),
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += jump(accumulator == step.k);
                }
                code if code == libc::BPF_RET | libc::BPF_K => return step.k,
                code => panic!("a step with code {code:#x}"),
            }
        }
    }

    #[test]
    fn what_is_on_the_list_is_allowed_and_nothing_else() {
        for loader in [Loader::Kernel, Loader::Files] {
            let program = allowed(loader).unwrap();
            let loading = if loader == Loader::Files { LOADING } else { &[] };
            for call in CALLS {
                let listed = ALWAYS.iter().chain(loading).any(|listed| number(*listed) == call);
                let expected =
                    if listed { libc::SECCOMP_RET_ALLOW } else { libc::SECCOMP_RET_ERRNO | REFUSED };
                assert_eq!(answer_to(&program, call, THIS_ARCHITECTURE), expected, "{loader:?} {call}");
                // The x32 calls of the same architecture have a bit more.
                let x32 = answer_to(&program, call | 0x4000_0000, THIS_ARCHITECTURE);
                assert_eq!(x32, libc::SECCOMP_RET_ERRNO | REFUSED, "{loader:?} {call}");
            }
        }
    }

    #[test]
    fn the_calls_of_another_architecture_are_not() {
        for loader in [Loader::Kernel, Loader::Files] {
            let program = allowed(loader).unwrap();
            for call in CALLS {
                for other in [0x4000_0003, 0x4000_0028, !THIS_ARCHITECTURE] {
                    let answer = answer_to(&program, call, other);
                    assert_eq!(answer, libc::SECCOMP_RET_KILL_PROCESS, "{loader:?} {call} {other:#x}");
                }
            }
        }
    }
}
