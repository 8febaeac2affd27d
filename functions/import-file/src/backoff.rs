use std::time::Duration;

/// Longest of the shortest pauses.
const BASE: Duration = Duration::from_millis(500);
/// Longest pause within a run.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// A pause before the next try, after so many failures in a row: any time up to a limit that doubles (full jitter), so
/// that those who failed together do not come back together.
pub(crate) fn pause(failures: u32) -> Duration {
    let most = BASE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    most.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        for (failures, most) in [(0, BASE), (1, BASE), (2, BASE * 2), (4, BASE * 8), (40, LONGEST)] {
            assert!((0..200).all(|_| pause(failures) <= most), "{failures}");
        }
        let later = (0..200).map(|_| pause(5)).max();
        assert!(later > Some(BASE * 2), "{later:?}");
    }
}
