//! Imports of separate streams: killed at each call of `import-file` and `mux-streams`, and under the faults of Lambda. All end with
//! the right packets, or by name, and nothing temporary is left.

use std::sync::{Arc, Mutex};

use files_tests::media::{ffmpeg, packets};
use files_tests::owner::id;
use files_tests::source::Release;
use files_tests::{Reply, SeparateStreams, media, skip_on_deployment, until};
use serde_json::{Value, json};

use crate::every_call::{FaultTest, at_once};
use crate::invariants::End;
use crate::samples::{self, make_due};

const NOWHERE: &str = "http://127.0.0.1:9/film.mpd";

/// Returns streams with a picture of these arguments of ffmpeg, and the end of their imports.
fn film(picture: &str) -> (SeparateStreams, End) {
    let film = SeparateStreams::mp4(
        ffmpeg("mp4", picture),
        ffmpeg("m4a", "-f lavfi -i sine=frequency=440:duration=1 -c:a aac"),
    );
    let expected = [packets(&film.picture, "0:v:0"), packets(&film.sound, "0:a:0")];
    assert!(expected.iter().all(|packets| packets.len() > 20), "{expected:?}");
    (film, End::Joined(Arc::new(expected)))
}

fn small() -> (SeparateStreams, End) {
    film(
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    )
}

impl FaultTest {
    /// Injects faults at each call that an import makes, including those of `mux-streams`, whose URLs `import-file` signs.
    async fn at_each_call_of_a_join(&mut self, what: &str, film: &SeparateStreams, end: &End) {
        let nothing = async |_: &FaultTest| Value::Null;
        let url = film.serve(&self.source, "/film");
        let join =
            async |test: &FaultTest, _: &Value| (id(&test.owner.import(&url).await).to_owned(), end.clone());
        self.at_each_call((what, "import-file"), nothing, join, FaultTest::is_terminal).await;
    }
}

#[tokio::test]
async fn joining_survives_a_kill_at_every_call() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let mut test = FaultTest::start().await;
    let (film, end) = small();
    test.at_each_call_of_a_join("join", &film, &end).await;
    test.end().await;
}

#[tokio::test]
async fn joining_large_streams_survives_a_kill_at_every_call() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let mut test = FaultTest::start().await;
    let (film, end) = film(
        "-f lavfi -i testsrc2=size=1280x720:rate=25:duration=1.2,noise=alls=100:allf=t -c:v libx264 -preset ultrafast -qp 12 \
         -pix_fmt yuv420p",
    );
    assert!(film.picture.len() > 17 << 20, "{} bytes are no two parts", film.picture.len());
    test.at_each_call_of_a_join("large join", &film, &end).await;
    test.end().await;
}

#[tokio::test]
async fn joining_survives_the_faults_of_its_function() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let mut test = FaultTest::start().await;
    let (film, end) = small();
    let url = film.serve(&test.source, "/film");
    let invoke = |action: Value| json!({"caller": "mux-streams", "service": "lambda", "operation": "Invoke", "action": action});
    let faults = [
        json!({"caller": "mux-streams", "service": "lambda", "operation": "Spawn", "action": "kill_before"}),
        invoke(json!({"error": "throttling"})),
        invoke(json!({"error": "internal"})),
        invoke(json!("close_frozen")),
        invoke(json!({"deadline_ms": 20})), // too little for a join, which the next run repeats
        invoke(json!({"kill_after_ms": 1})),
        invoke(json!({"kill_after_ms": 20})),
        invoke(json!({"kill_after_ms": 60})),
    ];
    for mut fault in faults {
        fault["times"] = json!(1);
        let what = fault.to_string();
        test.cloud.add_faults(&fault).await;
        let file = test.owner.import(&url).await;
        let is_applied = until(&what, async || {
            // In this order: after the end no fault can be applied.
            let (over, applied) =
                (test.is_terminal(id(&file)).await, test.cloud.fault_counts().await[0].1 > 0);
            (over || applied).then_some(applied)
        });
        assert!(is_applied.await, "{what} is not applied");
        test.cloud.clear_faults().await;
        test.expect_end(id(&file), &what, end.clone());
    }
    test.end().await;
}

#[tokio::test]
async fn deleting_a_half_fetched_picture_survives_a_kill_at_every_call() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let mut test = FaultTest::start().await;
    let film = SeparateStreams::mp4(media::noise(34 << 20, 4), media::noise(9, 4));
    let url = film.serve(&test.source, "/film");
    let release = Mutex::new(None::<Release>);
    let running = async |test: &FaultTest| {
        // The release of the previous import ends its worker, which then finds its file deleted.
        let (reply, held) = Reply::bytes(film.picture.clone()).held();
        test.source.serve("/film/picture.mp4", reply);
        if let Some(previous) = release.lock().expect("no panic").replace(held) {
            previous.send();
        }
        let file = test.owner.import(&url).await;
        test.owner.wait_for(&file, |file| file["progress"].is_object()).await
    };
    let delete = async |test: &FaultTest, file: &Value| {
        let path = format!("/files/{}", id(file));
        let response = test.ask(|| test.owner.request(http::Method::DELETE, &path)).await;
        assert!(matches!(response.status, 204 | 404), "{response:?}"); // an earlier attempt may have succeeded
        (id(file).to_owned(), End::Gone)
    };
    test.at_each_call(("delete while a picture is fetched", "delete-file"), running, delete, at_once).await;
    release.lock().expect("no panic").take().expect("a release").send();
    test.end().await;
}

#[tokio::test]
async fn ending_a_join_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    test.at_each_sweep("sweep a join without tries left", End::Failed, async |test| {
        let file = samples::given_up_join(&test.owner, NOWHERE).await;
        make_due(&test.owner, &file.id.to_string()).await;
        file.id.to_string()
    })
    .await;
    let dead = async |test: &FaultTest| {
        let file = samples::given_up_join(&test.owner, NOWHERE).await;
        json!({"owner": file.owner, "id": file.id, "file_url": NOWHERE})
    };
    let end_import = async |test: &FaultTest, letter: &Value| {
        test.owner.backend.send("DeadLetterQueue", letter).await;
        (id(letter).to_owned(), End::Failed)
    };
    test.at_each_call(("dead join", "fail-file"), dead, end_import, FaultTest::is_terminal).await;
    let given_up =
        async |test: &FaultTest| json!({"id": samples::given_up_join(&test.owner, NOWHERE).await.id});
    let delete = async |test: &FaultTest, file: &Value| {
        let body = json!({"ids": [file["id"]]});
        let request = || {
            let request = test.owner.request(http::Method::POST, "/files/delete");
            request.header("content-type", "application/json").body(body.to_string())
        };
        test.ask(request).await.expect(200);
        (id(file).to_owned(), End::Gone)
    };
    test.at_each_call(("delete a join", "delete-files"), given_up, delete, at_once).await;
    test.end().await;
}
