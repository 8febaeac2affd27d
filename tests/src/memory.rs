//! The kernel's high-water mark of a process's resident memory.

/// Returns the mark in KB (1,024 bytes), or `None` if the process has ended.
pub fn peak_kb(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Resets the mark to the current memory (<https://docs.kernel.org/filesystems/proc.html>, `clear_refs`).
pub fn reset(process: u32) {
    let _ = std::fs::write(format!("/proc/{process}/clear_refs"), "5"); // without permission the mark covers all runs
}

/// Polls the mark until the process ends. The mark never falls, so the last value counts.
pub async fn watch(process: u32) -> u64 {
    let mut peak = 0;
    while let Some(now) = peak_kb(process) {
        peak = now;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await; // polling interval
    }
    peak
}
