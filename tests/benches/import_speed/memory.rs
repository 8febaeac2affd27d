//! The kernel's own high-water mark of a process's resident memory.

/// Largest so far, in KB; `None` if the process is gone.
pub(crate) fn peak_kb(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Begins anew from what the process has now (<https://docs.kernel.org/filesystems/proc.html>, `clear_refs`).
pub(crate) fn forget(process: u32) {
    let _ = std::fs::write(format!("/proc/{process}/clear_refs"), "5"); // where it cannot, the mark is that of all runs
}

/// Until the process ends: the mark never falls, so the last look counts.
pub(crate) async fn watch(process: u32) -> u64 {
    let mut peak = 0;
    while let Some(now) = peak_kb(process) {
        peak = now;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await; // between two looks
    }
    peak
}
