//! Processes of this machine, read from `/proc`.

/// Returns the child processes of a process, with the names of their functions or programs.
#[must_use]
pub fn children(of: u32) -> Vec<(u32, String)> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let child = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let mut fields = after.split_whitespace();
        let alive = fields.next()? != "Z";
        let parent: u32 = fields.next()?.parse().ok()?;
        let program = || before.split_once('(').unwrap_or_default().1.to_owned();
        (alive && parent == of).then(|| (id, function(id).unwrap_or_else(program)))
    };
    ids.filter_map(child).collect()
}

/// Returns the function that a process of the local cloud runs. Its program is called `bootstrap`, as in Lambda, but the keys in
/// its environment are those of one caller.
fn function(id: u32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{id}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let key = variables.find_map(|variable| variable.strip_prefix(b"AWS_ACCESS_KEY_ID=LOCAL"))?;
    String::from_utf8(hex::decode(key).ok()?).ok()
}

/// Returns whether a process exists and is not a zombie.
#[must_use]
pub fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Kills a process without a chance to clean up.
pub fn kill(id: u32) {
    signal("KILL", id);
}

/// Sends a signal, by the shell's own `kill`: not every machine has the program.
pub(crate) fn signal(name: &str, id: u32) {
    let command = format!("kill -{name} {id}");
    let sent = std::process::Command::new("sh").args(["-c", &command]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{command}");
}
