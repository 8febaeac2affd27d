//! The errors that the operator sees.

use std::process::Command;

#[test]
fn an_error_is_one_line_of_causes_without_a_backtrace() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_files-admin"));
    command.args(["--ready", "/nowhere/ready.json", "key", "list"]).env_clear();
    let output = command.env("RUST_BACKTRACE", "1").output().expect("files-admin runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("files-admin: ") && text.contains("/nowhere/ready.json"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
