use std::time::{Duration, Instant};

/// Connections to begin with, and most of them.
const FIRST: usize = 4;
/// See [`FIRST`].
pub(crate) const MOST: usize = 16;
/// How long a number of connections is tried.
const WINDOW: Duration = Duration::from_secs(1);
/// Bytes that say something, and how long they are waited for beyond the window.
const ENOUGH: u64 = 1024 * 1024;
/// See [`ENOUGH`].
const LONGEST_WINDOW: Duration = Duration::from_secs(5);
/// What twice as many connections must at least gain.
const GAIN: f64 = 1.2;

/// How many connections a source is asked over at once: twice as many as long as that gains something.
#[derive(Debug)]
pub(crate) struct Lanes {
    limit: usize,
    settled: bool,
    /// The number before, and its bytes a second.
    before: Option<(usize, f64)>,
    /// Since when, and from how many bytes on, all have been at work.
    window: Option<(Instant, u64)>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { limit: FIRST, settled: false, before: None, window: None }
    }

    /// One, whatever it gains.
    pub(crate) fn one() -> Self {
        Self { limit: 1, settled: true, before: None, window: None }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The source takes only so many.
    pub(crate) fn lower(&mut self, to: usize) {
        self.limit = to.clamp(1, self.limit);
        self.settled = true;
    }

    /// So many bytes have come by now, in all, and so many connections are at work.
    pub(crate) fn measure(&mut self, now: Instant, fetched: u64, busy: usize) {
        if self.settled || busy < self.limit {
            self.window = None;
            return;
        }
        let Some((since, from)) = self.window else {
            self.window = Some((now, fetched));
            return;
        };
        let (took, came) = (now.saturating_duration_since(since), fetched.saturating_sub(from));
        if took < WINDOW || (came < ENOUGH && took < LONGEST_WINDOW) {
            return;
        }
        self.window = None;
        self.judge(came as f64 / took.as_secs_f64());
    }

    fn judge(&mut self, speed: f64) {
        match self.before {
            Some((fewer, slower)) if speed < GAIN * slower => {
                self.limit = fewer;
                self.settled = true;
            }
            _ => {
                self.before = Some((self.limit, speed));
                self.settled = self.limit == MOST;
                self.limit = (self.limit * 2).min(MOST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it ends with a source that gives so much a second over so many connections.
    fn settles_at(speed: impl Fn(usize) -> u64) -> (usize, u64) {
        let (mut lanes, start, mut fetched) = (Lanes::new(), Instant::now(), 0);
        for step in 1..200 {
            lanes.measure(start + Duration::from_millis(250 * step), fetched, lanes.limit());
            if lanes.settled {
                return (lanes.limit(), step);
            }
            fetched += speed(lanes.limit()) / 4;
        }
        panic!("it never settles: {lanes:?}");
    }

    #[test]
    fn it_takes_as_many_as_gain_something() {
        const MB: u64 = 1_000_000;
        assert_eq!(settles_at(|lanes| 20 * MB * lanes as u64).0, 16);
        assert_eq!(settles_at(|_| 50 * MB).0, 4);
        assert_eq!(settles_at(|lanes| (20 * MB * lanes as u64).min(150 * MB)).0, 8);
        assert_eq!(settles_at(|lanes| (20 * MB * lanes as u64).min(170 * MB)).0, 8);
        // One that gives next to nothing is judged as well, only later.
        let (lanes, step) = settles_at(|_| 1_000);
        assert_eq!(lanes, 4);
        assert!(step >= 40, "{step}");
    }

    #[test]
    fn what_a_source_does_not_take_is_not_tried_again() {
        let mut lanes = Lanes::new();
        lanes.lower(2);
        assert_eq!(lanes.limit(), 2);
        lanes.lower(3);
        assert_eq!(lanes.limit(), 2);
        lanes.lower(0);
        assert_eq!(lanes.limit(), 1);
        let start = Instant::now();
        for step in 0..100 {
            lanes.measure(start + Duration::from_secs(step), step << 30, 1);
        }
        assert_eq!(lanes.limit(), 1);
    }

    #[test]
    fn idle_connections_say_nothing() {
        let (mut lanes, start) = (Lanes::new(), Instant::now());
        for step in 0..100 {
            lanes.measure(start + Duration::from_secs(step), step << 30, 3);
        }
        assert_eq!((lanes.limit(), lanes.settled), (4, false));
    }
}
