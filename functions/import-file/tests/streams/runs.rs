//! Imports of separate streams that need more than one run.

use files_domain::{File, FileState, Import, StreamKind};
use mux_protocol::MuxRefusal;

use super::Test;
use super::dash::packets;

const TOO_SHORT: MuxRefusal = MuxRefusal::Time { seconds: 31 };

impl Test {
    async fn importing(&self, file: &File) -> Import {
        match self.state(file).await {
            FileState::Importing(import) => import,
            other => panic!("not importing: {other:?}"),
        }
    }

    /// Lets the import be as after a run that ended between the two streams.
    async fn forget_sound(&self, file: &File) {
        let (found, state) = self.app.find(file).await.expect("the record").split();
        let FileState::Importing(mut import) = state else { panic!("not importing: {state:?}") };
        import.streams.as_mut().expect("streams").stored.truncate(1);
        let (records, now) = (self.app.operator().records(), lambda_startup::now());
        records.release_import(&found.with_state(import), now, now).await.expect("the lease");
        let sound = self.app.operator().objects().of_stream(StreamKind::Sound);
        sound.delete_file(file.owner, file.id).await.expect("the sound is deleted");
    }

    /// Returns an import whose picture is stored, and whose sound is not.
    pub(super) async fn with_stored_picture(&self, page: &str) -> File {
        let file = self.queued_from(page).await;
        self.lambda.fail("mux-streams", 1);
        assert!(!self.run().await, "the message is delivered again");
        self.forget_sound(&file).await;
        self.send(&file, page).await;
        assert!(self.has(&file, StreamKind::Picture).await && !self.has(&file, StreamKind::Sound).await);
        file
    }
}

#[tokio::test]
async fn a_join_that_lacks_time_is_left_to_a_run_that_begins_with_it() {
    let test = Test::new().await;
    let file = test.queued().await;
    test.lambda.refuse(TOO_SHORT);
    assert!(test.run().await);
    let import = test.importing(&file).await;
    assert_eq!((import.streams.expect("streams").stored.len(), import.upload_id), (2, None));
    // The streams are not fetched again.
    let (picture, sound) = (test.site.take("picture.mp4"), test.site.take("sound.m4a"));
    assert!(test.run().await);
    assert_eq!(test.codecs(&file).await, "h264 aac");
    test.assert_nothing_temporary(&file).await;

    test.site.put("picture.mp4", picture);
    test.site.put("sound.m4a", sound);
    let file = test.queued().await;
    test.lambda.refuse(TOO_SHORT);
    assert!(test.run().await);
    test.lambda.refuse(TOO_SHORT);
    assert!(test.run().await);
    let failure = test.failure(&file).await;
    assert!(failure.contains("takes longer than 31 s"), "{failure}");
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn a_sound_is_joined_with_the_stored_picture_if_the_page_still_shows_it() {
    let test = Test::new().await;
    let file = test.with_stored_picture("page").await;
    assert!(test.run().await);
    assert_eq!(test.codecs(&file).await, "h264 aac");
    let puts = test.app.calls("import-file", "s3", "PutObject");
    assert_eq!(puts, 3, "the picture is stored once, the sound twice");
    test.assert_nothing_temporary(&file).await;
}

/// Appends an empty box.
fn padded(mut mp4: Vec<u8>, size: usize) -> Vec<u8> {
    let length = u32::try_from(size - mp4.len()).expect("a length");
    mp4.extend([length.to_be_bytes().as_slice(), b"free"].concat());
    mp4.resize(size, 0);
    mp4
}

#[tokio::test]
async fn a_page_that_shows_another_film_is_imported_from_the_beginning() {
    let test = Test::new().await;
    test.make("-i picture.mp4 -vf hue=h=90 -c:v libx264 -preset ultrafast -g 25 other.mp4");
    test.make("-f lavfi -i sine=duration=2:frequency=900:sample_rate=48000 -c:a aac other.m4a");
    let read = |name: &str| std::fs::read(test.folder.path().join(name)).expect("a sample");
    let (picture, other) = (read("picture.mp4"), read("other.mp4"));
    let size = picture.len().max(other.len()) + 8;
    for other in [other.clone(), padded(other, size)] {
        test.site.put("picture.mp4", padded(picture.clone(), size));
        test.site.put("sound.m4a", read("sound.m4a"));
        let file = test.with_stored_picture("page").await;
        test.site.put("picture.mp4", other);
        test.site.put("sound.m4a", read("other.m4a"));
        assert!(test.run().await);
        let joined = test.object(&file).await;
        for (stream, name) in [("0:v:0", "other.mp4"), ("0:a:0", "other.m4a")] {
            let expected = test.folder.path().join(name);
            let expected = packets(expected.to_str().expect("text"), stream).await;
            assert!(expected.len() > 40 && packets(&joined, stream).await == expected, "{stream}");
        }
        test.assert_nothing_temporary(&file).await;
    }
}
