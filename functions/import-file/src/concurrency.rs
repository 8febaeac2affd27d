use std::time::{Duration, Instant};

/// The initial number of connections.
const INITIAL: usize = 4;
/// The maximum number of connections.
pub(crate) const MAX: usize = 16;
/// The minimum duration of a measurement.
const WINDOW: Duration = Duration::from_secs(1);
/// The minimum number of bytes of a measurement, unless it takes [`MAX_WINDOW`].
const MIN_BYTES: u64 = 1024 * 1024;
/// The maximum duration of a measurement.
const MAX_WINDOW: Duration = Duration::from_secs(5);
/// The minimum factor by which doubling the connections must increase the throughput.
const MIN_GAIN: f64 = 1.2;

/// Controls the number of concurrent connections to a source: doubles it as long as the throughput increases.
#[derive(Debug)]
pub(crate) struct Concurrency {
    limit: usize,
    /// Whether the limit is final.
    settled: bool,
    /// The previous number of connections, and its throughput in bytes per second.
    previous: Option<(usize, f64)>,
    /// The start of the current measurement, and the number of bytes fetched before it.
    window: Option<(Instant, u64)>,
}

impl Concurrency {
    pub(crate) fn new() -> Self {
        Self { limit: INITIAL, settled: false, previous: None, window: None }
    }

    /// Creates a control with a fixed limit of one connection.
    pub(crate) fn one() -> Self {
        Self { limit: 1, settled: true, previous: None, window: None }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Lowers the limit to the number of connections that the source accepts, and keeps it.
    pub(crate) fn lower(&mut self, to: usize) {
        self.limit = to.clamp(1, self.limit);
        self.settled = true;
    }

    /// Records that `fetched` bytes have arrived in total and `busy` connections are in use. Adjusts the limit at the end of a
    /// measurement. Only times with all connections in use are measured.
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
        if took < WINDOW || (came < MIN_BYTES && took < MAX_WINDOW) {
            return;
        }
        self.window = None;
        self.adjust(came as f64 / took.as_secs_f64());
    }

    fn adjust(&mut self, speed: f64) {
        match self.previous {
            Some((fewer, slower)) if speed < MIN_GAIN * slower => {
                self.limit = fewer;
                self.settled = true;
            }
            _ => {
                self.previous = Some((self.limit, speed));
                self.settled = self.limit == MAX;
                self.limit = (self.limit * 2).min(MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the final limit, and the steps until then, for a source with this throughput per number of connections.
    fn settles_at(speed: impl Fn(usize) -> u64) -> (usize, u64) {
        let (mut connections, start, mut fetched) = (Concurrency::new(), Instant::now(), 0);
        for step in 1..200 {
            connections.measure(start + Duration::from_millis(250 * step), fetched, connections.limit());
            if connections.settled {
                return (connections.limit(), step);
            }
            fetched += speed(connections.limit()) / 4;
        }
        panic!("the limit is never final: {connections:?}");
    }

    #[test]
    fn connections_double_as_long_as_throughput_increases() {
        const MB: u64 = 1_000_000;
        assert_eq!(settles_at(|connections| 20 * MB * connections as u64).0, 16);
        assert_eq!(settles_at(|_| 50 * MB).0, 4);
        assert_eq!(settles_at(|connections| (20 * MB * connections as u64).min(150 * MB)).0, 8);
        assert_eq!(settles_at(|connections| (20 * MB * connections as u64).min(170 * MB)).0, 8);
        // A very slow source is measured too, but for longer.
        let (connections, step) = settles_at(|_| 1_000);
        assert_eq!(connections, 4);
        assert!(step >= 40, "{step}");
    }

    #[test]
    fn a_lowered_limit_does_not_increase_again() {
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
    fn idle_connections_are_not_measured() {
        let (mut connections, start) = (Concurrency::new(), Instant::now());
        for step in 0..100 {
            connections.measure(start + Duration::from_secs(step), step << 30, 3);
        }
        assert_eq!((connections.limit(), connections.settled), (4, false));
    }
}
