//! The media of the benchmark, and the server that sends them.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;
use files_tests::SeparateStreams;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

const CHUNK: u64 = 256 * 1024;

/// A picture and a sound, each in a file, and both in one.
pub(crate) struct Film {
    folder: PathBuf,
}

impl Film {
    /// Makes a picture of at least `size` bytes, and a sound of a twentieth of that: noise, of which short clips are repeated.
    pub(crate) fn make(folder: &Path, size: u64) -> Self {
        let film = Self { folder: folder.to_owned() };
        film.ffmpeg(
            "-f lavfi -i testsrc2=size=1280x720:rate=25:duration=8,noise=alls=60:allf=t -c:v libx264 -preset ultrafast -g 50 \
             -b:v 20M -maxrate 20M -bufsize 10M -pix_fmt yuv420p clip.mp4",
        );
        film.ffmpeg("-f lavfi -i anoisesrc=duration=60 -c:a aac -b:a 320k clip.m4a");
        for (clip, whole, size) in [("clip.mp4", "picture.mp4", size), ("clip.m4a", "sound.m4a", size / 20)] {
            let times = size.div_ceil(film.size(clip));
            film.ffmpeg(&format!("-stream_loop {} -i {clip} -c copy {whole}", times - 1));
        }
        film.ffmpeg("-i picture.mp4 -i sound.m4a -map 0:v -map 1:a -c copy joined.mp4");
        film
    }

    fn ffmpeg(&self, arguments: &str) {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y"]).args(arguments.split_whitespace());
        let status = command.current_dir(&self.folder).status().expect("ffmpeg (Debian's package ffmpeg)");
        assert!(status.success(), "ffmpeg {arguments}");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn size(&self, name: &str) -> u64 {
        self.path(name).metadata().expect("a file").len()
    }

    /// Serves the files and a manifest on a thread of its own, with at most `limit` bytes per second over all connections. Returns the
    /// address of the folder.
    pub(crate) fn serve(&self, limit: Option<u64>) -> String {
        let (tell, told) = std::sync::mpsc::channel::<SocketAddr>();
        let (folder, pace) = (self.folder.clone(), limit.map(Pace::new));
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("an address");
                tell.send(address).expect("the receiver waits");
                let manifest =
                    SeparateStreams::mp4(Bytes::new(), Bytes::new()).manifest(&format!("http://{address}"));
                let site = Arc::new(Site { folder, manifest, pace: pace.map(Arc::new) });
                let router = Router::new().fallback(response).with_state(site);
                axum::serve(listener, router).await.expect("the server runs");
            });
        });
        format!("http://{}", told.recv().expect("it starts"))
    }
}

struct Site {
    folder: PathBuf,
    manifest: String,
    pace: Option<Arc<Pace>>,
}

/// A limit that all connections share.
struct Pace {
    bytes_per_second: u64,
    /// When the bytes that are sent so far have taken their time.
    next: Mutex<Instant>,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, next: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be sent.
    async fn take(&self, bytes: u64) {
        let at = {
            let mut next = self.next.lock().expect("no holder panics");
            let at = (*next).max(Instant::now());
            *next = at + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
            at
        };
        sleep_until(at).await; // the rate, not a wait for an event
    }
}

async fn response(State(site): State<Arc<Site>>, request: Request) -> Response<Body> {
    let name = request.uri().path().trim_start_matches('/');
    if name == "film.mpd" {
        let response = Response::builder().header(header::CONTENT_TYPE, "application/dash+xml");
        return response.body(Body::from(site.manifest.clone())).expect("a response");
    }
    let Ok(file) = File::open(site.folder.join(name)) else {
        return Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).expect("a response");
    };
    let size = file.metadata().expect("its size").len();
    let kind = if name.ends_with("m4a") { "audio/mp4" } else { "video/mp4" };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::ETAG, "\"1\"")
        .header(header::ACCEPT_RANGES, "bytes");
    let (response, first, end) = match range(request.headers(), size) {
        Some((first, end)) => (
            response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {first}-{}/{size}", end - 1)),
            first,
            end,
        ),
        None => (response, 0, size),
    };
    let response = response.header(header::CONTENT_LENGTH, end - first);
    response.body(Body::from_stream(chunks(file, first, end, site.pace.clone()))).expect("a response")
}

/// Returns the first byte of a range, and the one after its last.
fn range(headers: &HeaderMap, size: u64) -> Option<(u64, u64)> {
    let (first, last) = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let end = last.parse().map_or(size, |last: u64| (last + 1).min(size));
    let first = first.parse().ok()?;
    (first < end).then_some((first, end))
}

fn chunks(
    file: File,
    first: u64,
    end: u64,
    pace: Option<Arc<Pace>>,
) -> impl stream::Stream<Item = std::io::Result<Bytes>> {
    stream::unfold((file, first, pace), move |(file, at, pace)| async move {
        let length = CHUNK.min(end - at);
        if length == 0 {
            return None;
        }
        if let Some(pace) = &pace {
            pace.take(length).await;
        }
        let mut bytes = vec![0; usize::try_from(length).expect("a chunk")];
        let read = file.read_exact_at(&mut bytes, at).map(|()| Bytes::from(bytes));
        Some((read, (file, at + length, pace)))
    })
}
