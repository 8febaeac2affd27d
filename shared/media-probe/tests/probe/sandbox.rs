//! What a hostile ffprobe finds where it runs.

use std::process::Command;

use media_probe::protect_this_process;

use crate::support::StandIn;

/// A script that answers with the output of a command, on one line.
fn tells(command: &str) -> StandIn {
    StandIn::new(&format!(
        "printf '{{\"format\":{{\"format_name\":\"%s\"}}}}' \"$({command} 2>&1 | /usr/bin/tr '\\n\\t\\\"' '|  ')\""
    ))
}

#[tokio::test]
async fn the_environment_is_empty_and_the_folder_is_the_root() {
    let environment = tells("/usr/bin/env").answer().await;
    // The shell itself sets these.
    let left: Vec<_> =
        environment.split('|').filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=")).collect();
    assert!(
        left.iter().all(|line| line.is_empty() || line.starts_with("SHLVL=") || line.starts_with("OLDPWD")),
        "{environment}"
    );
    assert_eq!(tells("/bin/pwd").answer().await, "/|");
}

#[tokio::test]
async fn the_arguments_are_fixed_but_for_port_and_token() {
    let arguments = StandIn::new("printf '{\"format\":{\"format_name\":\"%s\"}}' \"$*\"").answer().await;
    let (fixed, url) = arguments.rsplit_once(' ').unwrap();
    assert!(
        fixed.starts_with("-v error -hide_banner -protocol_whitelist http,tcp -format_whitelist mov,"),
        "{fixed}"
    );
    assert!(fixed.contains(" -max_alloc 134217728 -threads 1 -print_format json "), "{fixed}");
    assert!(fixed.ends_with(" -i"), "{fixed}");
    for refused in ["hls", "dash", "concat", "sdp", "image2", "lavfi", "srt", "svg_pipe"] {
        assert!(!fixed.split([' ', ',']).any(|format| format == refused), "{refused}");
    }
    let (port, token) = url.strip_prefix("http://127.0.0.1:").unwrap().split_once('/').unwrap();
    assert!(port.parse::<u16>().is_ok() && token.len() == 32 && !token.contains('.'), "{url}");
}

#[tokio::test]
async fn privileges_and_limits() {
    let status = tells("/bin/grep -E 'NoNewPrivs|CapEff' /proc/self/status").answer().await;
    assert!(status.contains("NoNewPrivs: 1|"), "{status}");
    assert!(status.contains("CapEff: 0000000000000000|"), "{status}");
    let limits = tells("/bin/cat /proc/self/limits").answer().await;
    let soft_and_hard = |name: &str| -> Vec<String> {
        let line = limits.split('|').find(|line| line.starts_with(name)).unwrap_or_default();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect()
    };
    assert_eq!(soft_and_hard("Max address space"), ["805306368", "805306368"], "{limits}");
    assert_eq!(soft_and_hard("Max cpu time"), ["30", "31"], "{limits}");
    assert_eq!(soft_and_hard("Max open files"), ["64", "64"], "{limits}");
    assert_eq!(soft_and_hard("Max file size"), ["0", "0"], "{limits}");
    assert_eq!(soft_and_hard("Max core file size"), ["0", "0"], "{limits}");
}

#[tokio::test]
async fn it_leads_a_process_group_of_its_own() {
    let answer = StandIn::new(
        "read -r stat < /proc/self/stat; printf '{\"format\":{\"format_name\":\"%s %s\"}}' $$ \"${stat#*) ? * }\"",
    )
    .answer()
    .await;
    let mut words = answer.split(' ');
    assert_eq!(words.next(), words.next(), "process and group: {answer}");
}

#[tokio::test]
async fn it_cannot_read_this_process() {
    protect_this_process().unwrap();
    for secret in ["environ", "mem", "maps"] {
        let stand_in = StandIn::new(&format!(
            "/bin/head -c 1 /proc/self/{secret} >/dev/null 2>&1; own=$?; \
             /bin/head -c 1 /proc/$PPID/{secret} >/dev/null 2>&1; parent=$?; \
             printf '{{\"format\":{{\"format_name\":\"%s %s\"}}}}' $own $parent"
        ));
        let answer = stand_in.answer().await;
        let (own, parent) = answer.split_once(' ').unwrap();
        assert_ne!(parent, "0", "it read {secret} of this process");
        // Reading memory at address zero fails for everyone; the others show that reading works at all.
        assert!(
            own == "0" || secret == "mem",
            "it cannot read its own {secret} either, so this proves nothing"
        );
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
