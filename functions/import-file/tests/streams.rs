//! Imports of pages whose picture and sound are separate, by the handlers in this process, on real services. `resolve-url` is a fixed
//! response, `mux-streams` is its real handler with the layer's ffmpeg.

#[path = "../../mux-streams/tests/bucket/mod.rs"]
mod bucket;
#[path = "streams/dash.rs"]
mod dash;
mod handler;
#[path = "streams/hls.rs"]
mod hls;
#[path = "streams/lambda.rs"]
mod lambda;
#[path = "streams/master.rs"]
mod master;
#[path = "streams/runs.rs"]
mod runs;

use std::process::Command;

use bucket::Bucket;
use files_domain::{File, FileState, StreamKind};
use files_objects::ObjectsError;
use files_queues::ImportMessage;
use handler::handler;
use import_file::{ImportFile, Muxer};
use lambda::FakeLambda;
use lambda_startup::EventHandler;
use media_source::PageResolver;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_app::{TestApp, json_event};

struct Test {
    app: TestApp,
    site: Bucket,
    lambda: FakeLambda,
    folder: TempDir,
}

impl Test {
    /// A site with a page that has a picture of more than one part and a sound.
    async fn new() -> Self {
        let test = Self {
            app: TestApp::new().await,
            site: Bucket::start().await,
            lambda: FakeLambda::start().await,
            folder: TempDir::new().expect("a folder"),
        };
        test.make("-f lavfi -i testsrc2=size=1280x720:rate=25:duration=2 -c:v libx264 -preset ultrafast -g 25 picture.mp4");
        test.make("-f lavfi -i sine=duration=2 -c:a aac sound.m4a");
        test.site.put("page", b"<html><title>Film</title></html>".to_vec());
        test.show(json!({"best": null, "picture": 0, "sound": 1}));
        for name in ["picture.mp4", "sound.m4a"] {
            test.site.put(name, std::fs::read(test.folder.path().join(name)).expect("a sample"));
        }
        test
    }

    fn make(&self, arguments: &str) {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y"]).args(arguments.split_whitespace());
        let status = command.current_dir(self.folder.path()).status().expect("ffmpeg runs");
        assert!(status.success(), "{arguments}");
    }

    /// Sets what `resolve-url` finds: a picture, a sound, and a small whole format.
    fn show(&self, choice: Value) {
        let format = |name: &str, ext: &str, vcodec: &str, acodec: &str| json!({"url": self.site.url(name), "protocol": "http", "ext": ext, "vcodec": vcodec, "acodec": acodec});
        let formats = [
            format("picture.mp4", "mp4", "avc1", "none"),
            format("sound.m4a", "m4a", "none", "mp4a"),
            format("whole.mp4", "mp4", "avc1", "mp4a"),
        ];
        let mut page = json!({"ok": true, "title": "A film", "formats": formats});
        page.as_object_mut().expect("an object").extend(choice.as_object().expect("an object").clone());
        self.lambda.resolve_to(page);
    }

    fn handler(&self) -> ImportFile {
        ImportFile {
            pages: Some(PageResolver::new(self.lambda.client(), "resolve-url")),
            muxer: Some(Muxer::new(self.lambda.client(), "mux-streams")),
            ..handler(&self.app, "127.0.0.1")
        }
    }

    async fn queued(&self) -> File {
        self.queued_from("page").await
    }

    /// Queues an import of an object of the site.
    async fn queued_from(&self, name: &str) -> File {
        let file_url = self.site.url(name);
        let file = self.app.file("clip").awaiting_import(&file_url).await;
        self.send(&file, name).await;
        file
    }

    async fn send(&self, file: &File, name: &str) {
        let headers = serde_json::from_value(json!({})).expect("headers");
        let (owner, id, file_url) = (file.owner, file.id, self.site.url(name));
        let message = ImportMessage { owner, id, file_url, headers, put_back: 0 };
        self.app.operator().import_queue().send(&message).await.expect("sent");
    }

    /// Runs the next message; whether the run needs no other one.
    async fn run(&self) -> bool {
        let message = self.app.receive("ImportQueue").await.expect("a message");
        self.handler().handle(json_event(&message.event)).await.is_ok()
    }

    /// Ends the lease of the last run, and runs the message again.
    async fn run_again(&self, file: &File) {
        let (found, state) = self.app.find(file).await.expect("the record").split();
        let FileState::Importing(import) = state else { panic!("not importing: {state:?}") };
        let (records, now) = (self.app.operator().records(), lambda_startup::now());
        records.release_import(&found.with_state(import), now, now).await.expect("the lease");
        self.send(file, "page").await;
        assert!(self.run().await);
    }

    async fn state(&self, file: &File) -> FileState {
        self.app.find(file).await.expect("the record").state
    }

    async fn failure(&self, file: &File) -> String {
        match self.state(file).await {
            FileState::Failed { error, .. } => error,
            other => panic!("not failed: {other:?}"),
        }
    }

    /// Returns whether a temporary object exists.
    async fn has(&self, file: &File, kind: StreamKind) -> bool {
        match self.app.operator().objects().of_stream(kind).head_file(file.owner, file.id).await {
            Ok(_) => true,
            Err(ObjectsError::NotFound) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn assert_nothing_temporary(&self, file: &File) {
        for kind in StreamKind::ALL {
            assert!(!self.has(file, kind).await, "{kind:?}");
        }
    }

    /// Returns a URL of the imported object.
    async fn object(&self, file: &File) -> String {
        let objects = self.app.operator().objects();
        let size = objects.head_file(file.owner, file.id).await.expect("the object").size;
        let found = self.app.find(file).await.expect("the record");
        assert_eq!(found.size, Some(size));
        let (now, lifetime) = (lambda_startup::now(), std::time::Duration::from_secs(60));
        objects.presign_read(file.owner, file.id, now, lifetime).await.expect("a URL").url
    }

    /// Returns the codecs of the imported object.
    async fn codecs(&self, file: &File) -> String {
        let url = self.object(file).await;
        // Not in this thread, which serves the URL.
        let mut ffprobe = tokio::process::Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-of", "csv=p=0", "-show_entries", "stream=codec_name", "-i", &url]);
        let output = ffprobe.output().await.expect("ffprobe runs").stdout;
        String::from_utf8(output).expect("text").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test]
async fn separate_streams_become_one_file() {
    let test = Test::new().await;
    let file = test.queued().await;
    assert!(test.run().await);
    assert!(matches!(test.state(&file).await, FileState::Probing(_)));
    assert_eq!(test.codecs(&file).await, "h264 aac");
    let found = test.app.find(&file).await.expect("the record");
    assert_eq!(found.content_type.as_deref(), Some("video/mp4"));
    test.assert_nothing_temporary(&file).await;
    assert_eq!(test.lambda.invocations(), ["resolve-url", "mux-streams"]);
    // Objects and uploads: two temporary ones, the joined one, and their ends.
    let calls = |operation: &str| test.app.calls("import-file", "s3", operation);
    assert_eq!((calls("PutObject"), calls("CreateMultipartUpload"), calls("DeleteObject")), (2, 1, 2));
}

#[tokio::test]
async fn another_container_is_tried() {
    let test = Test::new().await;
    test.make("-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libvpx -deadline realtime -cpu-used 8 vp8.webm");
    let vp8 = std::fs::read(test.folder.path().join("vp8.webm")).expect("a sample");
    test.site.put("picture.mp4", vp8); // which MP4 cannot hold
    let file = test.queued().await;
    assert!(test.run().await);
    assert_eq!(test.codecs(&file).await, "vp8 aac");
    let found = test.app.find(&file).await.expect("the record");
    assert_eq!(found.content_type.as_deref(), Some("video/x-matroska"));
    assert_eq!(test.lambda.invocations(), ["resolve-url", "mux-streams", "mux-streams"]);
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn streams_that_cannot_be_joined_fail_by_name_or_give_way_to_a_whole_format() {
    let test = Test::new().await;
    test.site.put("sound.m4a", b"no sound at all".to_vec());
    let file = test.queued().await;
    assert!(test.run().await);
    let failure = test.failure(&file).await;
    assert!(failure.contains("separate streams") && failure.contains("damaged"), "{failure}");
    test.assert_nothing_temporary(&file).await;

    test.make("-i picture.mp4 -i sound.m4a -map 0:v -map 1:a -c copy whole.mp4");
    test.site.put("whole.mp4", std::fs::read(test.folder.path().join("whole.mp4")).expect("a sample"));
    test.show(json!({"best": 2, "picture": 0, "sound": 1}));
    let file = test.queued().await;
    assert!(test.run().await);
    assert_eq!(test.codecs(&file).await, "h264 aac");
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn a_run_that_fails_is_resumed_from_what_is_stored() {
    let test = Test::new().await;
    let file = test.queued().await;
    test.lambda.fail("mux-streams", 1);
    assert!(!test.run().await, "the message is delivered again");
    let FileState::Importing(import) = test.state(&file).await else { panic!("not importing") };
    assert_eq!(import.streams.expect("streams").stored.len(), 2);
    assert!(test.has(&file, StreamKind::Picture).await && test.has(&file, StreamKind::Sound).await);
    // The streams are not fetched again: the site has them no longer.
    test.site.remove("picture.mp4");
    test.site.remove("sound.m4a");
    test.run_again(&file).await;
    assert_eq!(test.codecs(&file).await, "h264 aac");
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn a_file_that_is_deleted_while_its_streams_are_joined_leaves_nothing() {
    let test = Test::new().await;
    let file = test.queued().await;
    let records = std::sync::Arc::new(test.app.operator().records());
    let (owner, id) = (file.owner, file.id);
    test.lambda.before("mux-streams", move || {
        let records = std::sync::Arc::clone(&records);
        Box::pin(async move {
            records
                .change_file(owner, id, |file| file.failed("deleted", lambda_startup::now()))
                .await
                .expect("a change");
        })
    });
    assert!(test.run().await);
    assert_eq!(test.failure(&file).await, "deleted");
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn a_large_stream_is_fetched_in_ranges_and_resumed() {
    let test = Test::new().await;
    test.make(
        "-f lavfi -i testsrc2=size=1280x720:rate=25:duration=1.4,noise=alls=100:allf=t -c:v libx264 -preset ultrafast -qp 12 \
         -pix_fmt yuv420p large.mp4",
    );
    let large = std::fs::read(test.folder.path().join("large.mp4")).expect("a sample");
    assert!(large.len() > 20_000_000, "{}", large.len());
    test.site.put("picture.mp4", large);
    let sound = std::fs::read(test.folder.path().join("sound.m4a")).expect("a sample");
    test.site.remove("sound.m4a");
    let file = test.queued().await;
    // Without its sound, the page has nothing that can be imported; the sound fails as any source.
    assert!(test.run().await);
    assert!(test.failure(&file).await.contains("404"), "{}", test.failure(&file).await);
    test.assert_nothing_temporary(&file).await;
    test.site.put("sound.m4a", sound);
    let file = test.queued().await;
    assert!(test.run().await);
    assert_eq!(test.codecs(&file).await, "h264 aac");
    test.assert_nothing_temporary(&file).await;
}
