use std::time::Duration;

use files_tests::memory;

/// The times of one measurement, in milliseconds.
#[derive(Default)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e3);
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// Returns the fastest time: other load on the machine only adds to it.
    pub(crate) fn fastest(&self) -> f64 {
        self.at(0.0)
    }

    /// Returns the 90th percentile.
    pub(crate) fn slow(&self) -> f64 {
        self.at(0.9)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index of a short list"
    )]
    fn at(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * part).round() as usize]
    }
}

/// Returns the peak resident memory of a process, in MB.
pub(crate) fn peak_memory_mb(process: u32) -> Option<f64> {
    Some(memory::peak_kb(process)? as f64 / 1024.0)
}
