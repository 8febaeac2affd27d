//! Tests of failing sources, exceeded budgets and failing stand-ins of ffprobe.

use std::future::pending;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_probe::{Ffprobe, Limits, Outcome, ProbeEnd, ProbeError, RangeSource, ReadError};

use crate::stand_in::Linked::Statically;
use crate::stand_in::{StandIn, hex};
use crate::support::{Counted, TIMEOUT, ffmpeg, ffprobe, process_of, until};

const MP4: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -f lavfi -i sine=duration=3 -c:v libx264 \
    -preset ultrafast -c:a aac";

/// A source that fails after some reads.
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
            Fault::Panic => panic!("injected panic of the source"),
        }
    }
}

/// Returns an MP4 whose index is far from its beginning, so that a probe takes three reads.
fn with_far_index() -> Arc<Counted> {
    let bytes = ffmpeg("mp4", &format!("{MP4} -crf 1"));
    assert!(bytes.len() > 600_000, "{} bytes", bytes.len());
    Counted::new(bytes)
}

async fn failing(good_reads: usize, fault: Fault, limits: Limits) -> Result<ProbeEnd, ProbeError> {
    let source = Failing { whole: with_far_index(), good_reads, fault };
    Ffprobe { limits, ..ffprobe() }.probe(Arc::new(source)).await
}

#[tokio::test]
async fn a_failing_source_is_a_transient_failure() {
    for good_reads in [0, 1] {
        for fault in [Fault::Error, Fault::Short, Fault::Panic] {
            let result = failing(good_reads, fault, Limits::default()).await;
            assert!(matches!(result, Err(ProbeError::Source(_))), "after {good_reads} reads: {result:?}");
        }
    }
}

#[tokio::test]
async fn a_hanging_source_is_a_transient_failure() {
    let limits = Limits { wall_clock: Duration::from_secs(1), ..Limits::default() };
    let result = failing(0, Fault::Hang, limits).await;
    assert!(matches!(result, Err(ProbeError::Source(_))), "{result:?}");
}

async fn limited(limits: Limits, source: Arc<Counted>) -> Outcome {
    Ffprobe { limits, ..ffprobe() }.probe(source).await.unwrap().outcome
}

#[tokio::test]
async fn a_budget_exceeded_before_the_index_gives_no_result() {
    let reason = |outcome: Outcome| match outcome {
        Outcome::Unreadable(reason) => reason,
        Outcome::Media(media) => panic!("a truncated file is described as complete: {media:?}"),
    };
    let bytes =
        reason(limited(Limits { max_read_bytes: 263_000, ..Limits::default() }, with_far_index()).await);
    assert!(bytes.contains("would have to read more than"), "{bytes}");
    for max_requests in [0, 1] {
        let requests = reason(limited(Limits { max_requests, ..Limits::default() }, with_far_index()).await);
        assert!(requests.contains("places"), "{requests}");
    }
}

/// Arguments for a video of many fragments, without an index of them.
const FRAGMENTED: &str = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=20,noise=alls=60:allf=t -c:v libx264 \
    -preset ultrafast -g 25 -crf 20 -movflags frag_keyframe+empty_moov+default_base_moof+skip_trailer";

#[tokio::test]
async fn a_budget_exceeded_after_the_index_marks_the_result_partial() {
    // An unknown box prevents the derivation from the last fragment, so that ffprobe visits all of them.
    let bytes = [ffmpeg("mp4", FRAGMENTED), b"\0\0\0\x10what????????".to_vec()].concat();
    assert!(bytes.len() > 8_000_000, "{} bytes", bytes.len());
    let whole = limited(Limits::default(), Counted::new(bytes.clone())).await;
    let Outcome::Media(whole) = whole else { panic!("{whole:?}") };
    assert!(
        whole.partial.is_none() && whole.summary.duration.is_some_and(|d| (d - 20.0).abs() < 0.1),
        "{whole:?}"
    );
    for limits in [
        Limits { max_read_bytes: 3_000_000, ..Limits::default() },
        Limits { max_requests: 12, ..Limits::default() },
    ] {
        let outcome = limited(limits, Counted::new(bytes.clone())).await;
        let Outcome::Media(media) = outcome else { panic!("{outcome:?}") };
        assert!(media.partial.as_deref().is_some_and(|why| why.contains("would have to read")), "{media:?}");
        let summary = &media.summary;
        assert_eq!((summary.width, summary.video_codec.as_deref()), (Some(640), Some("h264")));
        assert_eq!((summary.duration, summary.duration_source, summary.bit_rate), (None, None, None));
        assert!(!media.full.to_string().contains("\"duration\""), "{}", media.full);
    }
}

#[tokio::test]
async fn too_little_memory_makes_the_file_unreadable() {
    let outcome = limited(Limits { address_space: 4 << 20, ..Limits::default() }, with_far_index()).await;
    assert!(matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("ffprobe")), "{outcome:?}");
}

#[tokio::test]
async fn a_missing_ffprobe_is_an_error() {
    let ffprobe = Ffprobe { path: "/nonexistent/ffprobe".into(), limits: Limits::default(), ffmpeg: None };
    let result = ffprobe.probe(Counted::new(vec![1])).await;
    assert!(matches!(result, Err(ProbeError::Spawn(_))), "{result:?}");
}

#[tokio::test]
async fn a_hanging_ffprobe_is_killed() {
    let mut stand_in = StandIn::new(Statically, "hang");
    stand_in.ffprobe.limits.wall_clock = Duration::from_millis(700);
    let started = Instant::now();
    let ProbeEnd { outcome, killed, .. } = stand_in.end().await;
    assert!(killed && started.elapsed() >= Duration::from_millis(700) && started.elapsed() < TIMEOUT);
    assert_eq!(outcome, Outcome::Unreadable("reading the file took ffprobe longer than allowed".to_owned()));
    until("its end", || process_of(&stand_in.ffprobe.path).is_none()).await;
}

#[tokio::test]
async fn dropping_a_probe_kills_ffprobe() {
    let stand_in = StandIn::new(Statically, "hang");
    let ffprobe = stand_in.ffprobe.clone();
    let probe = tokio::spawn(async move { ffprobe.probe(Counted::new(vec![1])).await });
    until("the start", || process_of(&stand_in.ffprobe.path).is_some()).await;
    probe.abort();
    until("the end", || process_of(&stand_in.ffprobe.path).is_none()).await;
}

#[tokio::test]
async fn endless_output_is_limited() {
    let expected = "what ffprobe tells about the file is longer than allowed";
    let end = StandIn::new(Statically, "flood").end().await;
    assert_eq!(
        end,
        ProbeEnd { outcome: Outcome::Unreadable(expected.to_owned()), killed: true, poster: None }
    );
}

#[tokio::test]
async fn endless_errors_end_at_the_timeout() {
    let mut stand_in = StandIn::new(Statically, "flood-errors");
    stand_in.ffprobe.limits.wall_clock = Duration::from_millis(700);
    let outcome = stand_in.outcome().await;
    assert!(
        matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("longer than allowed")),
        "{outcome:?}"
    );
}

/// A complete description, which is discarded if ffprobe fails after it.
const DESCRIPTION: &str = r#"{"format":{}}"#;

#[tokio::test]
async fn an_ffprobe_that_crashes_makes_the_file_unreadable() {
    for death in ["crash", "abort"] {
        let end = StandIn::new(Statically, &format!("out {};{death}", hex(DESCRIPTION))).end().await;
        let crashed = Outcome::Unreadable("ffprobe crashed while reading the file".to_owned());
        assert_eq!(end, ProbeEnd { outcome: crashed, killed: true, poster: None }, "{death}");
    }
}

#[tokio::test]
async fn an_ffprobe_killed_from_outside_makes_the_file_unreadable() {
    for signal in ["KILL", "TERM", "SYS", "XCPU"] {
        let stand_in = StandIn::new(Statically, &format!("out {};hang", hex(DESCRIPTION)));
        let ffprobe = stand_in.ffprobe.clone();
        let probe = tokio::spawn(async move { ffprobe.probe(Counted::new(vec![1])).await });
        until("the start", || process_of(&stand_in.ffprobe.path).is_some()).await;
        let process = process_of(&stand_in.ffprobe.path).unwrap().to_string();
        let sent =
            Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {process}")]).status().unwrap();
        assert!(sent.success());
        let ProbeEnd { outcome, killed, .. } = probe.await.unwrap().unwrap();
        assert!(killed, "{signal}");
        assert!(
            matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("ffprobe")),
            "{signal}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn invalid_output_makes_the_file_unreadable() {
    let said = [Vec::new(), b"{}".to_vec(), b"{\"format\": {".to_vec(), vec![0xff, 0xfe]];
    let silent =
        said.map(|bytes| if bytes.is_empty() { "exit 0".to_owned() } else { format!("out {}", hex(bytes)) });
    let failed = format!("out {};exit 1", hex(DESCRIPTION));
    for script in silent.into_iter().chain([failed]) {
        let outcome = Outcome::Unreadable("ffprobe could not read the file".to_owned());
        let end = StandIn::new(Statically, &script).end().await;
        assert_eq!(end, ProbeEnd { outcome, killed: false, poster: None }, "{script}");
    }
}

#[tokio::test]
async fn processor_time_is_limited() {
    let mut stand_in = StandIn::new(Statically, "spin");
    stand_in.ffprobe.limits.cpu = Duration::from_secs(1);
    let started = Instant::now();
    let outcome = stand_in.outcome().await;
    assert!(
        matches!(&outcome, Outcome::Unreadable(reason) if reason.contains("more processor time")),
        "{outcome:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(55), "the limit of processor time, not the timeout");
}
