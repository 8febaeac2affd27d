//! Progress bars on a terminal: one per file, and a total for several files.

use std::sync::OnceLock;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plain::plain;

const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
const UNKNOWN: &str = "{msg} {spinner} {bytes}";

/// The progress bars of the command. They are shown on standard error if it is a terminal.
pub(crate) struct Bars {
    all: MultiProgress,
    total: OnceLock<ProgressBar>,
}

/// The bar of one file.
#[derive(Clone)]
pub(crate) struct Bar {
    own: ProgressBar,
    total: Option<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(hidden: bool) -> Self {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { all: MultiProgress::with_draw_target(target), total: OnceLock::new() }
    }

    /// Adds a total of all bars that are added later.
    pub(crate) fn add_total(&self, files: usize, bytes: u64) {
        let total = ProgressBar::new(bytes).with_message(format!("{files} files"));
        self.total.get_or_init(|| styled(self.all.add(total), BYTES));
    }

    /// Counts bytes that an earlier run has transferred, without counting them as speed.
    pub(crate) fn skip(&self, bytes: u64) {
        self.total.get().into_iter().for_each(|total| add_transferred(total, bytes));
    }

    /// Adds the bar of a file. `already` is the number of bytes that an earlier run has transferred.
    pub(crate) fn add(&self, name: &str, bytes: u64, already: u64) -> Bar {
        let own = styled(self.all.insert(0, ProgressBar::new(bytes).with_message(plain(name))), BYTES);
        add_transferred(&own, already);
        self.skip(already);
        Bar { own, total: self.total.get().cloned() }
    }

    /// Adds a bar for an import, which the service performs. Its length is unknown at first.
    pub(crate) fn add_remote(&self, name: &str) -> Bar {
        let own = ProgressBar::new_spinner().with_message(plain(name));
        Bar { own: styled(self.all.insert(0, own), UNKNOWN), total: None }
    }

    /// Hides the bars while `write` writes to the terminal.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.all.suspend(write)
    }
}

impl Bar {
    pub(crate) fn inc(&self, bytes: u64) {
        self.own.inc(bytes);
        self.total.iter().for_each(|total| total.inc(bytes));
    }

    pub(crate) fn dec(&self, bytes: u64) {
        self.own.dec(bytes);
        self.total.iter().for_each(|total| total.dec(bytes));
    }

    /// Sets the progress of an import.
    pub(crate) fn set(&self, bytes: u64, total: Option<u64>) {
        if let Some(total) = total.filter(|total| self.own.length() != Some(*total)) {
            self.own.set_length(total);
            styled(self.own.clone(), BYTES);
        }
        self.own.set_position(bytes);
        self.own.tick();
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.own.finish_and_clear();
    }
}

/// Adds bytes to the position of a bar but not to its speed.
fn add_transferred(bar: &ProgressBar, bytes: u64) {
    bar.inc(bytes);
    bar.tick(); // the estimator must have the new position before its reset
    bar.reset_eta();
}

fn styled(bar: ProgressBar, form: &str) -> ProgressBar {
    bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_the_bars() {
        let bars = Bars::new(true);
        bars.add_total(2, 30);
        let (first, second) = (bars.add("a", 10, 4), bars.add("b", 20, 0));
        second.inc(8);
        first.dec(1);
        assert_eq!((first.own.position(), second.own.position()), (3, 8));
        assert_eq!(bars.total.get().unwrap().position(), 11);
    }

    #[test]
    fn bytes_of_an_earlier_run_are_not_speed() {
        let bars = Bars::new(true);
        bars.add_total(2, 30 << 30);
        let bar = bars.add("a", 20 << 30, 10 << 30);
        bars.skip(10 << 30);
        let total = bars.total.get().unwrap();
        assert_eq!((bar.own.position(), total.position()), (10 << 30, 20 << 30));
        bar.inc(1);
        for (name, bar) in [("own", &bar.own), ("total", total)] {
            bar.tick();
            assert!(bar.per_sec() < f64::from(1 << 30), "{name}: {}", bar.per_sec());
        }
    }

    #[test]
    fn the_length_of_a_remote_bar_can_be_set_later() {
        let bar = Bars::new(true).add_remote("import");
        bar.set(5, None);
        assert_eq!((bar.own.position(), bar.own.length()), (5, None));
        bar.set(7, Some(9));
        assert_eq!((bar.own.position(), bar.own.length()), (7, Some(9)));
    }
}
