//! A source whose picture and sound are separate: two files, and a manifest of MPEG-DASH that names them.

use bytes::Bytes;

use crate::source::{Reply, SourceServer};

/// A picture and a sound, each in a file of its own.
#[derive(Clone, Debug)]
pub struct SeparateStreams {
    /// The file with the picture.
    pub picture: Bytes,
    /// The file with the sound.
    pub sound: Bytes,
    /// Media types, codecs and names of the two.
    kinds: [[&'static str; 3]; 2],
}

impl SeparateStreams {
    /// H.264 in MP4, and AAC in MP4.
    #[must_use]
    pub fn mp4(picture: Bytes, sound: Bytes) -> Self {
        let kinds = [["video/mp4", "avc1.640028", "picture.mp4"], ["audio/mp4", "mp4a.40.2", "sound.m4a"]];
        Self { picture, sound, kinds }
    }

    /// Serves both files with ranges and the manifest, below a folder such as `/film`. Returns the URL of the manifest.
    pub fn serve(&self, source: &SourceServer, folder: &str) -> String {
        for (bytes, [kind, _, name]) in [&self.picture, &self.sound].into_iter().zip(self.kinds) {
            let reply = Reply::bytes(bytes.clone())
                .with_ranges()
                .header("etag", "\"1\"")
                .header("content-type", kind);
            source.serve(&format!("{folder}/{name}"), reply);
        }
        let manifest = Reply::bytes(self.manifest(&source.url(folder)));
        source.serve(&format!("{folder}/film.mpd"), manifest.header("content-type", "application/dash+xml"))
    }

    /// Returns a manifest of the on-demand profile: each stream is one file.
    #[must_use]
    pub fn manifest(&self, folder: &str) -> String {
        let sets = self.kinds.iter().zip(["width=\"1920\" height=\"1080\"", "audioSamplingRate=\"44100\""]);
        let sets = sets.map(|([kind, codecs, name], more)| {
            format!(
                "<AdaptationSet mimeType=\"{kind}\"><Representation id=\"{name}\" bandwidth=\"100000\" codecs=\"{codecs}\" {more}>\
                 <BaseURL>{folder}/{name}</BaseURL><SegmentBase indexRange=\"0-1\"/></Representation></AdaptationSet>"
            )
        });
        let sets = sets.collect::<String>();
        format!(
            "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT2S\" \
             profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period>{sets}</Period></MPD>"
        )
    }
}
