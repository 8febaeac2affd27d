use std::time::{Duration, Instant};

/// Connections at first.
const FIRST: usize = 4;
/// Most connections.
pub(crate) const MAX: usize = 16;
/// How long a number of connections is measured.
const WINDOW: Duration = Duration::from_secs(1);
/// The bytes that a measurement needs.
const ENOUGH: u64 = 1024 * 1024;
/// How long a measurement waits for them.
const LONGEST_WINDOW: Duration = Duration::from_secs(5);
/// The gain that twice as many connections must bring.
const GAIN: f64 = 1.2;

/// How many connections to a source are open at once: doubled as long as that gains throughput.
#[derive(Debug)]
pub(crate) struct Concurrency {
    limit: usize,
    settled: bool,
    /// The number before, and its bytes a second.
    before: Option<(usize, f64)>,
    /// Since when, and from how many bytes on, all have been at work.
    window: Option<(Instant, u64)>,
}

impl Concurrency {
    pub(crate) fn new() -> Self {
        Self { limit: FIRST, settled: false, before: None, window: None }
    }

    /// One connection, always.
    pub(crate) fn one() -> Self {
        Self { limit: 1, settled: true, before: None, window: None }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Limits the connections to what the source accepts.
    pub(crate) fn lower(&mut self, to: usize) {
        self.limit = to.clamp(1, self.limit);
        self.settled = true;
    }

    /// Measures: `fetched` bytes have arrived in all, over `busy` connections.
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
                self.settled = self.limit == MAX;
                self.limit = (self.limit * 2).min(MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it ends with a source that gives so much a second over so many connections.
    fn settles_at(speed: impl Fn(usize) -> u64) -> (usize, u64) {
        let (mut connections, start, mut fetched) = (Concurrency::new(), Instant::now(), 0);
        for step in 1..200 {
            connections.measure(start + Duration::from_millis(250 * step), fetched, connections.limit());
            if connections.settled {
                return (connections.limit(), step);
            }
            fetched += speed(connections.limit()) / 4;
        }
        panic!("it never settles: {connections:?}");
    }

    #[test]
    fn it_takes_as_many_as_gain_something() {
        const MB: u64 = 1_000_000;
        assert_eq!(settles_at(|connections| 20 * MB * connections as u64).0, 16);
        assert_eq!(settles_at(|_| 50 * MB).0, 4);
        assert_eq!(settles_at(|connections| (20 * MB * connections as u64).min(150 * MB)).0, 8);
        assert_eq!(settles_at(|connections| (20 * MB * connections as u64).min(170 * MB)).0, 8);
        // One that gives next to nothing is judged as well, only later.
        let (connections, step) = settles_at(|_| 1_000);
        assert_eq!(connections, 4);
        assert!(step >= 40, "{step}");
    }

    #[test]
    fn what_a_source_does_not_take_is_not_tried_again() {
        let mut connections = Concurrency::new();
        connections.lower(2);
        assert_eq!(connections.limit(), 2);
        connections.lower(3);
        assert_eq!(connections.limit(), 2);
        connections.lower(0);
        assert_eq!(connections.limit(), 1);
        let start = Instant::now();
        for step in 0..100 {
            connections.measure(start + Duration::from_secs(step), step << 30, 1);
        }
        assert_eq!(connections.limit(), 1);
    }

    #[test]
    fn idle_connections_say_nothing() {
        let (mut connections, start) = (Concurrency::new(), Instant::now());
        for step in 0..100 {
            connections.measure(start + Duration::from_secs(step), step << 30, 3);
        }
        assert_eq!((connections.limit(), connections.settled), (4, false));
    }
}
