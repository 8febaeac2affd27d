//! Sources that fail, budgets that run out, stand-ins that misbehave.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_probe::{Ffprobe, Limits, Outcome, ProbeError, RangeSource, ReadError};

use crate::support::{Counted, PATIENCE, StandIn, ffmpeg, ffprobe, running, unique_sleep, until};

const MP4: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -f lavfi -i sine=duration=3 -c:v libx264 \
    -preset ultrafast -c:a aac";

/// A source that works for some reads and then does something else.
struct Failing {
    whole: Arc<Counted>,
    good_reads: usize,
    fault: Fault,
}

#[derive(Clone, Copy)]
enum Fault {
    Error,
    Short,
    Hang,
    Panic,
}

impl RangeSource for Failing {
    fn size(&self) -> u64 {
        self.whole.size()
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        let bytes = self.whole.read(start, end).await?;
        if self.whole.totals().0 <= self.good_reads {
            return Ok(bytes);
        }
        match self.fault {
            Fault::Error => Err(ReadError::new("connection reset")),
            Fault::Short => Ok(bytes.slice(..bytes.len() / 2)),
            Fault::Hang => pending().await,
            Fault::Panic => panic!("a fault of the test's source"),
        }
    }
}

/// An MP4 whose data lies far from its index, so that it takes three reads.
fn spread() -> Arc<Counted> {
    let bytes = ffmpeg("mp4", &format!("{MP4} -crf 1"));
    assert!(bytes.len() > 600_000, "{} bytes", bytes.len());
    Counted::new(bytes)
}

async fn failing(good_reads: usize, fault: Fault, limits: Limits) -> Result<Outcome, ProbeError> {
    let source = Failing { whole: spread(), good_reads, fault };
    Ffprobe { limits, ..ffprobe() }.probe(Arc::new(source)).await
}

#[tokio::test]
async fn a_source_that_fails_is_worth_a_retry() {
    for good_reads in [0, 1] {
        for fault in [Fault::Error, Fault::Short, Fault::Panic] {
            let result = failing(good_reads, fault, Limits::default()).await;
            assert!(matches!(result, Err(ProbeError::Source(_))), "after {good_reads} reads: {result:?}");
        }
    }
}

#[tokio::test]
async fn a_source_that_hangs_is_worth_a_retry() {
    let limits = Limits { wall_clock: Duration::from_secs(1), ..Limits::default() };
    let result = failing(0, Fault::Hang, limits).await;
    assert!(matches!(result, Err(ProbeError::Source(_))), "{result:?}");
}

async fn limited(limits: Limits) -> String {
    match (Ffprobe { limits, ..ffprobe() }).probe(spread()).await.unwrap() {
        Outcome::Unreadable(reason) => reason,
        Outcome::Media(media) => panic!("a cut file looks right: {media:?}"),
    }
}

#[tokio::test]
async fn a_spent_budget_is_never_a_right_looking_result() {
    let bytes = limited(Limits { max_read_bytes: 263_000, ..Limits::default() }).await;
    assert!(bytes.contains("would have to read more than"), "{bytes}");
    for max_requests in [0, 1] {
        let requests = limited(Limits { max_requests, ..Limits::default() }).await;
        assert!(requests.contains("places"), "{requests}");
    }
}

#[tokio::test]
async fn too_little_memory_is_no_crash_of_ours() {
    let reason = limited(Limits { address_space: 4 << 20, ..Limits::default() }).await;
    assert!(reason.contains("ffprobe"), "{reason}");
}

#[tokio::test]
async fn a_missing_ffprobe_is_an_error() {
    let ffprobe = Ffprobe { path: "/nonexistent/ffprobe".into(), limits: Limits::default() };
    let result = ffprobe.probe(Counted::new(vec![1])).await;
    assert!(matches!(result, Err(ProbeError::Spawn(_))), "{result:?}");
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_its_children() {
    let (own, child) = (unique_sleep(), unique_sleep());
    let mut stand_in = StandIn::new(&format!("/bin/sleep {child} & exec /bin/sleep {own}"));
    stand_in.ffprobe.limits.wall_clock = Duration::from_millis(700);
    let started = Instant::now();
    let outcome = stand_in.outcome().await;
    assert!(started.elapsed() >= Duration::from_millis(700) && started.elapsed() < PATIENCE);
    assert_eq!(outcome, Outcome::Unreadable("reading the file took ffprobe longer than allowed".to_owned()));
    until("the end of both", || !running(&own) && !running(&child)).await;
}

#[tokio::test]
async fn children_left_behind_are_killed_too() {
    let child = unique_sleep();
    let script = format!("/bin/sleep {child} </dev/null >/dev/null 2>&1 & printf '{{\"format\":{{}}}}'");
    let outcome = StandIn::new(&script).outcome().await;
    assert!(matches!(outcome, Outcome::Media(_)), "{outcome:?}");
    until("the end of the child", || !running(&child)).await;
}

#[tokio::test]
async fn a_dropped_probe_kills_it() {
    let own = unique_sleep();
    let stand_in = StandIn::new(&format!("exec /bin/sleep {own}"));
    let ffprobe = stand_in.ffprobe.clone();
    let probe = tokio::spawn(async move { ffprobe.probe(Counted::new(vec![1])).await });
    until("the start", || running(&own)).await;
    probe.abort();
    until("the end", || !running(&own)).await;
}

#[tokio::test]
async fn endless_output_is_cut() {
    for script in ["exec /usr/bin/yes", "/usr/bin/yes '{\"format\": {' | /bin/cat"] {
        let outcome = StandIn::new(script).outcome().await;
        let expected = "what ffprobe tells about the file is longer than allowed";
        assert_eq!(outcome, Outcome::Unreadable(expected.to_owned()), "{script}");
    }
}

#[tokio::test]
async fn endless_errors_end_with_the_clock() {
    let mut stand_in = StandIn::new("exec /usr/bin/yes error >&2");
    stand_in.ffprobe.limits.wall_clock = Duration::from_millis(700);
    let outcome = stand_in.outcome().await;
    assert!(
        matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("longer than allowed")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn death_by_signal_is_an_ordinary_result() {
    for signal in ["SEGV", "ABRT", "KILL", "XCPU", "SYS"] {
        // A whole description first: it must not be believed.
        let outcome =
            StandIn::new(&format!("printf '{{\"format\":{{}}}}'; kill -{signal} $$")).outcome().await;
        assert!(
            matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("ffprobe")),
            "{signal}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn nonsense_is_no_description() {
    for script in [
        "exit 0",
        "echo '{}'",
        "echo '{\"format\": {'",
        "printf '\\377\\376'",
        "echo '{\"format\":{}}'; exit 1",
    ] {
        let outcome = StandIn::new(script).outcome().await;
        assert_eq!(outcome, Outcome::Unreadable("ffprobe could not read the file".to_owned()), "{script}");
    }
}

#[tokio::test]
async fn processor_time_is_limited() {
    let mut stand_in = StandIn::new("while :; do :; done");
    stand_in.ffprobe.limits.cpu = Duration::from_secs(1);
    let started = Instant::now();
    let outcome = stand_in.outcome().await;
    assert!(
        matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("more processor time")),
        "{outcome:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(55), "the processor limit, not the clock");
}
