//! S3 `ObjectCreated`: reads a stored object with ffprobe and finishes its record.

mod object_source;

use std::error::Error;
use std::sync::Arc;

use files_domain::{
    AttachedPicture, ColorFacts, DurationSource, FinishProbe, FullProbe, MediaType, ObjectMeta, PROBE_FACTS,
    ProbeDone, ProbeFacts, ProbeSummary, Probed,
};
use files_objects::{Objects, ObjectsError};
use files_queues::{Delivered, StoredObject};
use media_probe::{Ffprobe, Kind, Media, Outcome, true_content_type};
use serde_json::{Value, json};
use tracing::{error, info};

use crate::object_source::ObjectSource;

type BoxError = Box<dyn Error + Send + Sync>;

/// Probes stored objects.
pub struct ProbeFile<R> {
    /// Where files are written down.
    pub records: R,
    /// The bucket comes with the event.
    pub s3: aws_sdk_s3::Client,
    /// What looks at them.
    pub ffprobe: Ffprobe,
    /// Its version, if it could be asked.
    pub version: Option<String>,
}

impl<R: FinishProbe + Sync> ProbeFile<R> {
    /// Handles an event of S3, or messages that hold such events. An error has it come again: twice for an event, then
    /// it goes to the dead letters; a message as often as its queue says.
    ///
    /// # Errors
    /// An object could not be read or written down. Lambda counts the error, which it would not do for a message that is
    /// only named as failed.
    pub async fn answer(&self, event: &Value) -> Result<Value, BoxError> {
        let Some(messages) = Delivered::in_event(event) else {
            self.probe_all(&StoredObject::in_event(event)).await?;
            return Ok(json!({}));
        };
        let mut failure = None;
        for message in messages {
            // A body that is not JSON names no object: there is nothing to do, now or later.
            let event = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            if let Err(cause) = self.probe_all(&StoredObject::in_event(&event)).await {
                error!(cause = cause.as_ref() as &dyn Error, "a message will come again");
                failure = Some(cause);
            }
        }
        failure.map_or_else(|| Ok(json!({})), Err)
    }

    async fn probe_all(&self, objects: &[StoredObject]) -> Result<(), BoxError> {
        for object in objects {
            self.probe(object).await?;
        }
        Ok(())
    }

    /// Looks at one object. Whatever happens before, twice or too late, the outcome is the same.
    async fn probe(&self, object: &StoredObject) -> Result<(), BoxError> {
        let StoredObject { bucket, owner, id } = object;
        let objects = Objects::new(self.s3.clone(), bucket);
        let meta = match objects.head_file(*owner, *id).await {
            Ok(meta) => meta,
            Err(ObjectsError::NotFound) => return Ok(()), // deleted since
            Err(error) => return Err(error.into()),
        };
        let source = Arc::new(ObjectSource::new(objects.clone(), *owner, *id, &meta));
        let outcome = self.ffprobe.probe(Arc::clone(&source)).await?;
        let content_type = true_content_type(meta.content_type.as_deref(), source.head(), &outcome);
        let done = self.write_down(&objects, object, meta, content_type, outcome).await?;
        let saved = self.records.finish_probe(*owner, *id, &done).await?;
        info!(file = %id, size_bytes = done.object.size, saved = ?saved, "probed");
        if saved.leaves_orphan() {
            objects.delete_file(*owner, *id, None).await?; // deleted, or given up, while it was being stored
        }
        Ok(())
    }

    async fn write_down(
        &self,
        objects: &Objects,
        object: &StoredObject,
        meta: ObjectMeta,
        content_type: Option<String>,
        outcome: Outcome,
    ) -> Result<ProbeDone, BoxError> {
        let (probed, full) = match outcome {
            Outcome::Unreadable(reason) => (Probed::Unreadable(reason), None),
            Outcome::Media(media) => {
                let (media_type, full) = (media_type(media.kind), with_facts(&media)?);
                let Media { summary, partial, .. } = *media;
                let probed = Probed::Media { media_type, summary: summary_of(summary), partial };
                (probed, Some(self.place(objects, object, &full).await?))
            }
        };
        let by = self.version.clone();
        Ok(ProbeDone { object: meta, probed, content_type, full, by, now: lambda_startup::now() })
    }

    /// Into the record if it fits, else into an object of its own.
    async fn place(
        &self,
        objects: &Objects,
        object: &StoredObject,
        full: &Value,
    ) -> Result<FullProbe, BoxError> {
        let packed = files_records::pack_probe(full)?;
        if packed.len() <= files_records::MAX_INLINE_BYTES {
            return Ok(FullProbe::Inline(packed));
        }
        objects.put_probe(object.owner, object.id, packed).await?;
        Ok(FullProbe::InObject)
    }
}

/// ffprobe's own words, and the facts beside them.
fn with_facts(media: &Media) -> serde_json::Result<Value> {
    let mut full = media.full.clone();
    full[PROBE_FACTS] = serde_json::to_value(facts_of(media))?;
    Ok(full)
}

fn facts_of(media: &Media) -> ProbeFacts {
    let facts = media.facts.clone();
    ProbeFacts {
        frame_rate_ratio: media.summary.frame_rate_ratio.clone(),
        hdr: facts.hdr.map(|hdr| hdr.as_str().to_owned()),
        color: facts.color.map(|color| ColorFacts {
            pixel_format: color.pixel_format,
            bit_depth: color.bit_depth,
            range: color.range,
            space: color.space,
            primaries: color.primaries,
            transfer: color.transfer,
        }),
        channels: facts.channels,
        channel_layout: facts.channel_layout,
        sample_rate: facts.sample_rate,
        audio_languages: facts.audio_languages,
        subtitle_languages: facts.subtitle_languages,
        attached_pictures: facts.attached_pictures.into_iter().map(attached_picture).collect(),
        creation_time: facts.creation_time,
    }
}

fn attached_picture(picture: media_probe::AttachedPicture) -> AttachedPicture {
    let media_probe::AttachedPicture { codec, width, height } = picture;
    AttachedPicture { codec, width, height }
}

fn media_type(kind: Kind) -> MediaType {
    match kind {
        Kind::Video => MediaType::Video,
        Kind::Audio => MediaType::Audio,
        Kind::Image => MediaType::Image,
        Kind::Other => MediaType::Other,
    }
}

fn summary_of(summary: media_probe::Summary) -> ProbeSummary {
    ProbeSummary {
        width: summary.width,
        height: summary.height,
        duration: summary.duration,
        duration_source: summary.duration_source.map(|source| match source {
            media_probe::DurationSource::Stated => DurationSource::Stated,
            media_probe::DurationSource::Estimated => DurationSource::Estimated,
            media_probe::DurationSource::Derived => DurationSource::Derived,
        }),
        format_name: summary.format_name,
        video_codec: summary.video_codec,
        audio_codec: summary.audio_codec,
        frame_rate: summary.frame_rate,
        bit_rate: summary.bit_rate,
        rotation: summary.rotation,
    }
}
