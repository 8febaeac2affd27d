//! What a hostile ffprobe finds where it runs.

use std::process::{Command, id};

use media_probe::{Ffprobe, Limits, Outcome, protect_this_process};

use crate::stand_in::Linked::{self, Dynamically, Statically};
use crate::stand_in::{StandIn, hex, results};
use crate::support::{Counted, ffmpeg, program};

/// What a stand-in finds in the file of this path. Only a dynamic one may open files at all.
async fn content(path: &str) -> String {
    StandIn::new(Dynamically, &format!("cat {}", hex(path))).answer().await
}

#[tokio::test]
async fn the_environment_is_empty_and_the_folder_is_the_root() {
    assert_eq!(StandIn::new(Statically, "env").answer().await, "");
    // A relative path, which leads there from the root alone.
    assert!(content("proc/self/limits").await.contains("Max open files"));
}

#[tokio::test]
async fn the_arguments_are_fixed_but_for_port_token_and_depth() {
    let arguments = StandIn::new(Statically, "args").answer().await;
    let (fixed, url) = arguments.rsplit_once(' ').unwrap();
    assert!(
        fixed.starts_with("-v warning -hide_banner -protocol_whitelist http,tcp -format_whitelist mov,"),
        "{fixed}"
    );
    assert!(
        fixed.contains(" -max_alloc 134217728 -threads 1 -recv_buffer_size 16384 -probesize 230000 -formatprobesize 131072 "),
        "{fixed}"
    );
    assert!(fixed.ends_with(" -i"), "{fixed}");
    for refused in ["hls", "dash", "concat", "sdp", "image2", "lavfi", "srt", "svg_pipe"] {
        assert!(!fixed.split([' ', ',']).any(|format| format == refused), "{refused}");
    }
    let (port, token) = url.strip_prefix("http://127.0.0.1:").unwrap().split_once('/').unwrap();
    assert!(port.parse::<u16>().is_ok() && token.len() == 32 && !token.contains('.'), "{url}");
}

#[tokio::test]
async fn privileges_and_limits() {
    let status = content("/proc/self/status").await;
    assert!(status.contains("NoNewPrivs:|1|"), "{status}");
    for none in ["CapPrm", "CapEff", "CapAmb"] {
        assert!(status.contains(&format!("{none}:|0000000000000000|")), "{status}");
    }
    assert!(status.contains("Seccomp:|2|") && status.contains("Seccomp_filters:|2|"), "{status}");
    let limits = content("/proc/self/limits").await;
    let soft_and_hard = |name: &str| -> Vec<String> {
        let line = limits.split('|').find(|line| line.starts_with(name)).unwrap_or_default();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect()
    };
    assert_eq!(soft_and_hard("Max address space"), ["805306368", "805306368"], "{limits}");
    assert_eq!(soft_and_hard("Max cpu time"), ["30", "31"], "{limits}");
    assert_eq!(soft_and_hard("Max open files"), ["64", "64"], "{limits}");
    for nothing in ["Max file size", "Max core file size", "Max processes"] {
        assert_eq!(soft_and_hard(nothing), ["0", "0"], "{limits}");
    }
}

#[tokio::test]
async fn it_leads_a_process_group_of_its_own() {
    let stat = content("/proc/self/stat").await;
    let process = stat.split_once(' ').unwrap().0;
    let group = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap();
    assert_eq!(process, group, "{stat}");
}

#[tokio::test]
async fn it_cannot_read_this_process() {
    protect_this_process().unwrap();
    let own = content("/proc/self/environ").await;
    assert!(own.is_empty(), "reading works, its own is empty: {own}");
    for secret in ["environ", "mem", "maps"] {
        let answer = content(&format!("/proc/{}/{secret}", id())).await;
        assert!(answer.starts_with("Permission denied"), "{secret}: {answer}");
    }
}

/// Shows that the kernel here lets children read their parents' environment, which is why there is a protection.
#[test]
fn without_protection_a_child_can_read_its_parent() {
    let script = "/bin/sh -c '/usr/bin/tr \"\\0\" \"\\n\" < /proc/$PPID/environ'; true";
    let output =
        Command::new("/bin/sh").args(["-c", script]).env("SECRET_OF_THE_PARENT", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("SECRET_OF_THE_PARENT=1"), "{output:?}");
}

const REFUSED: i64 = -(libc::EPERM as i64);

fn sys(number: libc::c_long, arguments: &str) -> String {
    format!("sys {number} {arguments}")
}

/// Calls by which a program reaches others, becomes another, or changes something: refused however it is loaded.
fn calls() -> Vec<(&'static str, String)> {
    let parent = id();
    let sixteen = hex([0; 16]);
    let shell = hex("/bin/sh\0");
    let file = hex("/tmp/x\0");
    let writing = libc::O_WRONLY | libc::O_CREAT;
    vec![
        ("ptrace", sys(libc::SYS_ptrace, &format!("{} {parent} 0 0", libc::PTRACE_SEIZE))),
        (
            "process_vm_readv",
            sys(libc::SYS_process_vm_readv, &format!("{parent} &{sixteen} 1 &{sixteen} 1 0")),
        ),
        (
            "process_vm_writev",
            sys(libc::SYS_process_vm_writev, &format!("{parent} &{sixteen} 1 &{sixteen} 1 0")),
        ),
        ("kill", sys(libc::SYS_kill, &format!("{parent} 0"))),
        ("tgkill", sys(libc::SYS_tgkill, &format!("{parent} {parent} 0"))),
        ("pidfd_open", sys(libc::SYS_pidfd_open, &format!("{parent} 0"))),
        ("F_SETOWN", sys(libc::SYS_fcntl, &format!("1 {} {parent}", libc::F_SETOWN))),
        ("prlimit64", sys(libc::SYS_prlimit64, &format!("{parent} 7 &{sixteen} 0"))),
        ("execve", sys(libc::SYS_execve, &format!("&{shell} 0 0"))),
        ("execveat", sys(libc::SYS_execveat, &format!("-100 &{shell} 0 0 0"))),
        ("clone", sys(libc::SYS_clone, "17 0 0 0 0")),
        ("clone3", sys(libc::SYS_clone3, &format!("&{} 64", hex([0; 64])))),
        ("unshare", sys(libc::SYS_unshare, &libc::CLONE_NEWUSER.to_string())),
        ("prctl", sys(libc::SYS_prctl, &format!("{} 0 0 0 0", libc::PR_GET_DUMPABLE))),
        ("openat", sys(libc::SYS_openat, &format!("-100 &{file} {writing} 511"))),
        ("mkdirat", sys(libc::SYS_mkdirat, &format!("-100 &{file} 511"))),
        ("memfd_create", sys(libc::SYS_memfd_create, &format!("&{file} 0"))),
        ("io_uring_setup", sys(libc::SYS_io_uring_setup, "1 0")),
        ("userfaultfd", sys(libc::SYS_userfaultfd, "0")),
        ("bpf", sys(libc::SYS_bpf, "0 0 0")),
        ("bind", sys(libc::SYS_bind, &format!("1 &{sixteen} 16"))),
        ("listen", sys(libc::SYS_listen, "1 1")),
        ("accept4", sys(libc::SYS_accept4, "1 0 0 0")),
        ("sendmsg", sys(libc::SYS_sendmsg, "1 0 0")),
        ("UDP", socket(libc::AF_INET, libc::SOCK_DGRAM)),
        ("raw", socket(libc::AF_INET, libc::SOCK_RAW)),
        ("IPv6", socket(libc::AF_INET6, libc::SOCK_STREAM)),
        ("UDP over IPv6", socket(libc::AF_INET6, libc::SOCK_DGRAM)),
        ("local", socket(libc::AF_UNIX, libc::SOCK_STREAM)),
        ("local datagrams", socket(libc::AF_UNIX, libc::SOCK_DGRAM)),
        ("netlink", socket(libc::AF_NETLINK, libc::SOCK_RAW)),
        ("vsock", socket(libc::AF_VSOCK, libc::SOCK_STREAM)),
        ("socketpair", sys(libc::SYS_socketpair, &format!("{} 1 0 &{sixteen}", libc::AF_UNIX))),
    ]
}

fn socket(family: libc::c_int, kind: libc::c_int) -> String {
    sys(libc::SYS_socket, &format!("{family} {} 0", kind | libc::SOCK_CLOEXEC))
}

async fn assert_refused(linked: Linked, what: &str, call: &str) {
    assert_eq!(results(linked, call).await, [REFUSED], "{what}, {linked:?}");
}

#[tokio::test]
async fn no_other_process_no_change_and_no_other_socket() {
    for linked in [Statically, Dynamically] {
        for (what, call) in calls() {
            assert_refused(linked, what, &call).await;
        }
    }
}

#[tokio::test]
async fn a_static_ffprobe_opens_no_file_and_runs_no_memory() {
    let reading = sys(libc::SYS_openat, &format!("-100 &{} 0 0", hex("/etc/hosts\0")));
    let code = sys(
        libc::SYS_mmap,
        &format!(
            "0 4096 {} {} -1 0",
            libc::PROT_READ | libc::PROT_EXEC,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS
        ),
    );
    for (what, call) in [("a file", reading), ("executable memory", code)] {
        assert_refused(Statically, what, &call).await;
        let there = results(Dynamically, &call).await;
        assert!(there[0] >= 0, "{what} would fail anyway: {there:?}");
    }
}

/// Shows that what is refused above is not refused by this machine.
#[test]
fn outside_of_the_sandbox_nothing_is_refused() {
    for (what, call) in calls() {
        if ["kill", "pidfd_open", "UDP", "IPv6", "local", "netlink", "prctl", "socketpair"].contains(&what) {
            let stand_in = StandIn::new(Statically, &format!("{call};report"));
            let output = Command::new(&stand_in.ffprobe.path).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(!text.contains("name\":\"-"), "{what}: {text}");
        }
    }
}

#[tokio::test]
async fn the_system_s_ffprobe_works_too() {
    let ffprobe = Ffprobe { path: program("ffprobe"), limits: Limits::default() };
    let clip = ffmpeg("mp4", "-f lavfi -i testsrc2=size=64x36:duration=1 -c:v libx264 -preset ultrafast");
    let outcome = ffprobe.probe(Counted::new(clip)).await.unwrap();
    let Outcome::Media(media) = outcome else { panic!("{outcome:?}") };
    assert_eq!((media.summary.width, media.summary.video_codec.as_deref()), (Some(64), Some("h264")));
}
