//! Reads valid, faulty and malicious playlists from a local server.

#![allow(clippy::unwrap_used, reason = "Clippy does not recognise helper functions as test code")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use hls_stream::{Contents, Fetcher, HlsError, Kind, Refusal, SegmentStream, read_playlist};
use safe_fetch::{Allowed, FetchError, Limits, SafeClient, SourceHeaders, SourceUrl};

type Pages = Arc<Mutex<HashMap<String, Vec<u8>>>>;
/// The paths of the requests, each with its token.
type Requests = Arc<Mutex<Vec<(String, Option<String>)>>>;

struct Server {
    address: SocketAddr,
    pages: Pages,
    requests: Requests,
}

#[derive(Clone)]
struct Shared {
    pages: Pages,
    requests: Requests,
}

async fn respond(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let header = request.headers().get("x-token").map(|value| value.to_str().unwrap().to_owned());
    let mut requests = shared.requests.lock().unwrap();
    let before = requests.iter().filter(|(requested, _)| *requested == path).count();
    requests.push((path.clone(), header));
    match shared.pages.lock().unwrap().get(&path) {
        Some(_) if path.contains("flaky") && before == 0 => status(StatusCode::SERVICE_UNAVAILABLE),
        Some(page) => Response::new(Body::from(page.clone())),
        None => status(StatusCode::NOT_FOUND),
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

impl Server {
    async fn start(pages: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages: Pages = Arc::new(Mutex::new(
            pages.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect(),
        ));
        let requests = Arc::default();
        let shared = Shared { pages: pages.clone(), requests: Arc::clone(&requests) };
        let router = Router::new().fallback(respond).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, pages, requests }
    }

    /// Opens the stream of a playlist, or the first choice, and its separate sound.
    async fn open_both(&self, path: &str) -> Result<[Option<SegmentStream>; 2], HlsError> {
        let allowed = Allowed::parse("127.0.0.1");
        let client = SafeClient::new(allowed.clone(), Limits::default()).unwrap();
        let url = SourceUrl::parse(&format!("http://{}{path}", self.address), &allowed).unwrap();
        let mut source = client.get(&url).await?;
        let headers = Arc::new(|_: &SourceUrl| SourceHeaders::new([("x-token", "t")]).unwrap());
        let fetcher = Fetcher { client, allowed, headers };
        match read_playlist(&mut source, 1080).await? {
            Contents::Segments(plan) => Ok([Some(SegmentStream::of_media(fetcher, &plan).await?), None]),
            Contents::Choices(choices) => {
                let plan = choices[0].stream.read(&fetcher).await?;
                let sound = match &choices[0].sound {
                    Some(sound) => {
                        let plan = sound.read(&fetcher).await?;
                        Some(SegmentStream::of_media(fetcher.clone(), &plan).await?)
                    }
                    None => None,
                };
                Ok([Some(SegmentStream::of_media(fetcher, &plan).await?), sound])
            }
        }
    }

    async fn open(&self, path: &str) -> Result<SegmentStream, HlsError> {
        let [stream, sound] = self.open_both(path).await?;
        assert!(sound.is_none());
        Ok(stream.unwrap())
    }

    async fn all(&self, path: &str) -> Result<(Kind, String), HlsError> {
        let mut stream = self.open(path).await?;
        Ok((stream.kind(), text(&mut stream).await?))
    }

    async fn refused(&self, path: &str) -> Refusal {
        match self.all(path).await {
            Err(HlsError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

async fn text(stream: &mut SegmentStream) -> Result<String, HlsError> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.next_chunk().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(all).unwrap())
}

const TS: &str =
    "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n#EXTINF:6,\nsub/flaky.ts\n#EXT-X-ENDLIST\n";

#[tokio::test]
async fn segments_are_concatenated_in_order() {
    let server = Server::start(&[
        ("/v/ts.m3u8", TS),
        ("/v/a.ts", "Gone"),
        ("/v/sub/flaky.ts", "Gtwo"),
        (
            "/m.m3u8",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nv/ts.m3u8\n",
        ),
        (
            "/mp4.m3u8",
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:6,\na.m4s\n#EXT-X-ENDLIST\n",
        ),
        ("/i.mp4", "\0\0\0\u{c}ftypisom"),
        ("/a.m4s", "\0\0\0\u{8}moof"),
    ])
    .await;
    for path in ["/v/ts.m3u8", "/m.m3u8"] {
        let (kind, all) = server.all(path).await.unwrap();
        assert_eq!((kind, all.as_str()), (Kind::MpegTs, "GoneGtwo"), "{path}");
    }
    assert_eq!(server.open("/v/ts.m3u8").await.unwrap().kind().extension(), "ts");
    let (kind, all) = server.all("/mp4.m3u8").await.unwrap();
    assert_eq!((kind, all.as_str()), (Kind::Mp4, "\0\0\0\u{c}ftypisom\0\0\0\u{8}moof"));
    let requests = server.requests.lock().unwrap().clone();
    assert!(requests.iter().all(|(path, token)| token.is_some() || path.ends_with("3u8")), "{requests:?}");
}

#[tokio::test]
async fn a_separate_sound_is_a_second_stream() {
    let master = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"x\",VALUE=\"one\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"{$x}.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv/ts.m3u8\n";
    let sound =
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-DEFINE:IMPORT=\"x\"\n#EXTINF:6,\n{$x}.ts\n#EXT-X-ENDLIST\n";
    let encrypted = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:6,\na\n#EXT-X-ENDLIST\n";
    let server = Server::start(&[
        ("/m.m3u8", master),
        ("/one.m3u8", sound),
        ("/one.ts", "Gsound"),
        ("/v/ts.m3u8", TS),
        ("/v/a.ts", "Gone"),
        ("/v/sub/flaky.ts", "Gtwo"),
        ("/encrypted.m3u8", &master.replace("VALUE=\"one\"", "VALUE=\"key\"")),
        ("/key.m3u8", encrypted),
    ])
    .await;
    let [picture, sound] = server.open_both("/m.m3u8").await.unwrap();
    assert_eq!(text(&mut picture.unwrap()).await.unwrap(), "GoneGtwo");
    assert_eq!(text(&mut sound.unwrap()).await.unwrap(), "Gsound");
    let refused = server.open_both("/encrypted.m3u8").await;
    assert!(matches!(refused, Err(HlsError::Refused(Refusal::Encrypted))), "{refused:?}");
    server.pages.lock().unwrap().remove("/one.m3u8");
    let error = server.open_both("/m.m3u8").await.unwrap_err();
    assert!(error.to_string().contains("the playlist of the sound"), "{error}");
}

#[tokio::test]
async fn byte_ranges_are_extracted_from_a_whole_file() {
    let server = Server::start(&[
        (
            "/r.m3u8",
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n#EXT-X-BYTERANGE:3@2\nf\n#EXTINF:6,\n#EXT-X-BYTERANGE:2\nf\n\
             #EXTINF:6,\n#EXT-X-BYTERANGE:1@9\nf\n#EXT-X-ENDLIST\n",
        ),
        ("/f", "01G345678G"),
        ("/beyond.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n#EXT-X-BYTERANGE:3@9\ng\n#EXT-X-ENDLIST\n"),
        ("/g", "012345678G"),
    ])
    .await;
    assert_eq!(server.all("/r.m3u8").await.unwrap().1, "G3456G");
    server.pages.lock().unwrap().insert("/g".to_owned(), b"short".to_vec());
    let error = server.all("/beyond.m3u8").await.unwrap_err();
    let HlsError::Fetch(FetchError::Context(what, error)) = error else { panic!("{error}") };
    assert_eq!((what.as_str(), *error), ("segment 1 of 1", FetchError::TooShort));
}

#[tokio::test]
async fn invalid_and_unsupported_streams_are_refused() {
    let media =
        |lines: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n");
    let long = format!("#EXTM3U\n{}", "#".repeat(5 << 20));
    let pages = [
        ("/a.ts", "no transport stream".to_owned()),
        ("/segments", media("")),
        ("/encrypted", media("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n")),
        ("/live", media("").replace("#EXT-X-ENDLIST\n", "")),
        ("/html", "<html>".to_owned()),
        ("/empty", String::new()),
        ("/long", long),
        ("/nested", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/nested\n".to_owned()),
    ];
    let pages: Vec<_> = pages.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let server = Server::start(&pages).await;
    for (path, refusal) in [
        ("/segments", Refusal::Segment { number: 1, is: "something else", expected: None }),
        ("/encrypted", Refusal::Encrypted),
        ("/live", Refusal::Live),
        ("/html", Refusal::Malformed),
        ("/empty", Refusal::Malformed),
        ("/long", Refusal::TooLong),
        ("/nested", Refusal::Nested),
    ] {
        assert_eq!(server.refused(path).await, refusal, "{path}");
    }
}

#[tokio::test]
async fn private_addresses_are_never_requested() {
    let canary = Server::start(&[("/a.ts", "G")]).await;
    let port = canary.address.port();
    let inside = format!("http://localhost:{port}/a.ts");
    let media = |uri: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{uri}\n#EXT-X-ENDLIST\n");
    let pages = [
        ("/segment", media(&inside)),
        ("/map", media("x").replace("#EXTINF", "#EXT-X-MAP:URI=\"http://169.254.169.254/\"\n#EXTINF")),
        ("/file", media("file:///etc/passwd")),
        ("/master", format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{inside}\n")),
    ];
    let pages: Vec<_> = pages.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let server = Server::start(&pages).await;
    for (path, expected) in [
        ("/segment", FetchError::PrivateAddress),
        ("/map", FetchError::PrivateAddress),
        ("/file", FetchError::Url(safe_fetch::UrlError::Scheme)),
        ("/master", FetchError::PrivateAddress),
    ] {
        let opened = server.open(path).await;
        assert!(matches!(&opened, Err(HlsError::Fetch(error)) if *error == expected), "{path}: {opened:?}");
    }
    assert_eq!(canary.requests.lock().unwrap().len(), 0);
}
