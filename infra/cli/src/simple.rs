//! Commands of one request, or of a few.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::arguments::{Create, Import, Link, List, Preview, Update};
use crate::each::each;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::json::Json;
use crate::print::Print;

/// Most files on one page.
const PAGE: u64 = 500;
/// Most files that one request deletes.
const MOST_REMOVED: usize = 100;
/// Requests side by side.
const AT_ONCE: usize = 8;

/// Imports a URL. An interrupted import has the same idempotency key in the next run, so that it is not imported twice.
pub(crate) async fn import(api: &Api, options: &Import, print: &Print) -> Result<(), Failure> {
    let mut body = Map::from_iter([("file_url".to_owned(), json!(options.source))]);
    add_headers(&mut body, &options.headers);
    add_options(&mut body, &options.create);
    let body = Value::Object(body);
    let journal = Journal::of(&["import", api.base(), &body.to_string()]);
    let outcome = async {
        let (file, _) = journal.create(api, &body).await?;
        finished(api, file, &options.create, print).await
    };
    let outcome = outcome.await;
    if matches!(outcome, Ok(_) | Err(Failure::Refused { .. })) {
        journal.forget(); // after another failure the next run asks for the file
    }
    show_created(&outcome?, &options.create, print)
}

fn add_headers(body: &mut Map<String, Value>, headers: &[(String, String)]) {
    if !headers.is_empty() {
        let headers = headers.iter().map(|(name, value)| (name.clone(), json!(value)));
        body.insert("headers".to_owned(), Value::Object(headers.collect()));
    }
}

pub(crate) async fn preview(api: &Api, options: &Preview, print: &Print) -> Result<(), Failure> {
    let mut body = Map::from_iter([("file_url".to_owned(), json!(options.source))]);
    add_headers(&mut body, &options.headers);
    print.preview(&api.post("/preview", &Value::Object(body)).await?)
}

/// Adds the options that every way of creating a file takes.
pub(crate) fn add_options(body: &mut Map<String, Value>, options: &Create) {
    if let Some(name) = &options.name {
        body.insert("name".to_owned(), json!(name));
    }
    if !options.metadata.is_empty() {
        let metadata = options.metadata.iter().map(|(key, value)| (key.clone(), json!(value)));
        body.insert("metadata".to_owned(), Value::Object(metadata.collect()));
    }
    if let Some(seconds) = options.expires_in {
        body.insert("expires_in".to_owned(), json!(seconds));
    }
}

/// Returns a created file; with `--wait` when it is probed or has failed.
pub(crate) async fn finished(
    api: &Api,
    file: Json,
    options: &Create,
    print: &Print,
) -> Result<Json, Failure> {
    if !options.wait {
        return Ok(file);
    }
    let id = id_of(&file)?;
    print.note(&format!("{id} is {}", file["name"].as_str().unwrap_or_default()));
    wait(api, &id, print).await
}

/// Prints a created file.
///
/// # Errors
/// `FileFailed`: the file has failed, and `--wait` waited for that.
pub(crate) fn show_created(file: &Json, options: &Create, print: &Print) -> Result<(), Failure> {
    print.file(file)?;
    if options.wait && file["status"] == "failed" {
        let error = file["error"].as_str().unwrap_or_default();
        return Err(Failure::FileFailed(format!("{} has failed: {error}", id_of(file)?)));
    }
    Ok(())
}

/// How long one request waits for the end of a file's work.
const WAIT: Duration = Duration::from_secs(20);
/// The same while an import has progress to show.
const WAIT_FOR_PROGRESS: Duration = Duration::from_secs(2);

/// Waits until the file's status is final: by requests that wait, and by a poll where the service lets none wait. Shows the
/// progress of an import, and why it backs off.
pub(crate) async fn wait(api: &Api, id: &str, print: &Print) -> Result<Json, Failure> {
    let (mut pause, mut wait) = (Duration::from_millis(200), WAIT_FOR_PROGRESS);
    let bar = print.bars.add_remote(id);
    let mut retrying = None;
    let outcome = loop {
        let asked = Instant::now();
        let file = match api.get(&format!("/files/{id}?wait={}", wait.as_secs())).await {
            Ok(file) => file,
            Err(failure) => break Err(failure),
        };
        if matches!(file["status"].as_str(), Some("success" | "failed")) {
            break Ok(file);
        }
        let progress = &file["progress"];
        bar.set(progress["received"].as_u64().unwrap_or(0), progress["total"].as_u64());
        if let Some(note) = retrying_note(&file).filter(|note| retrying.as_ref() != Some(note)) {
            print.note(&note);
            retrying = Some(note);
        }
        if asked.elapsed() < wait {
            tokio::time::sleep(pause).await; // the interval of the poll
            pause = (pause * 3 / 2).min(Duration::from_secs(3));
        }
        wait = if progress.is_null() { WAIT } else { WAIT_FOR_PROGRESS };
    };
    bar.finish();
    outcome
}

/// Returns why an import backs off, and when it tries again.
pub(crate) fn retrying_note(file: &Json) -> Option<String> {
    let reason = file["retrying"]["reason"].as_str()?;
    let at = file["retrying"]["next_try_at"].as_str().and_then(|at| at.get(11..19)).unwrap_or("later");
    Some(format!("{reason}; next try at {at} UTC"))
}

pub(crate) async fn list(api: &Api, options: &List, print: &Print) -> Result<(), Failure> {
    let mut left = options.limit;
    let mut cursor: Option<String> = None;
    while left > 0 {
        let page = api.get(&format!("/files?{}", query(options, left.min(PAGE), cursor.as_deref()))).await?;
        for file in page.files()?.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            print.file(file)?;
            left -= 1;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

/// The query of one page.
fn query(options: &List, limit: u64, cursor: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &limit.to_string());
    let filters = [
        ("order", options.order.map(|order| order.to_string())),
        ("status", options.status.map(|status| status.to_string())),
        ("type", options.media_type.map(|media_type| media_type.to_string())),
        ("source", options.source.map(|source| source.to_string())),
        ("cursor", cursor.map(str::to_owned)),
    ];
    query.extend_pairs(filters.into_iter().filter_map(|(name, value)| Some((name, value?))));
    query.finish()
}

pub(crate) async fn get(api: &Api, ids: &[String], print: &Print) -> Result<(), Failure> {
    let get = async |id: &String| api.get(&path_of(id)).await;
    each(ids, AT_ONCE, print, get, |_, file| print.whole(&file)).await
}

pub(crate) async fn remove(api: &Api, ids: &[String], print: &Print) -> Result<(), Failure> {
    let known = if ids.len() > 1 { remove_together(api, ids).await? } else { HashMap::new() };
    let known = RefCell::new(known);
    let remove = async |id: &String| {
        let outcome = known.borrow_mut().remove(&id.to_ascii_lowercase());
        match outcome {
            Some(outcome) => outcome,
            None => api.delete(&path_of(id)).await,
        }
    };
    each(ids, AT_ONCE, print, remove, |id, ()| print.done(id, "deleted", "")).await
}

/// Prints what the key's owner uses, and its limits.
pub(crate) async fn usage(api: &Api, print: &Print) -> Result<(), Failure> {
    print.usage(&api.get("/usage").await?)
}

/// Deletes files by requests for many of them. Returns the outcomes that are known, by id: a request that has something else than
/// ids deletes nothing.
async fn remove_together(api: &Api, ids: &[String]) -> Result<HashMap<String, Result<(), Failure>>, Failure> {
    let mut known = HashMap::new();
    let ids: Vec<&String> = ids.iter().filter(|id| Uuid::parse_str(id).is_ok()).collect();
    for some in ids.chunks(MOST_REMOVED) {
        match api.delete_several(some).await {
            Ok(outcomes) => known.extend(outcomes),
            Err(Failure::Refused { status: 422, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(known)
}

/// Changes a file.
pub(crate) async fn update(api: &Api, options: &Update, print: &Print) -> Result<(), Failure> {
    let mut body = Map::new();
    if let Some(name) = &options.name {
        body.insert("name".to_owned(), json!(name));
    }
    if !options.metadata.is_empty() {
        let metadata = options.metadata.iter().map(|(key, value)| (key.clone(), json!(value)));
        body.insert("metadata".to_owned(), Value::Object(metadata.collect()));
    }
    if options.no_metadata {
        body.insert("metadata".to_owned(), json!({}));
    }
    if options.no_expiry || options.expires_in.is_some() {
        body.insert("expires_in".to_owned(), json!(options.expires_in));
    }
    print.whole(&api.patch(&path_of(&options.id), &Value::Object(body)).await?)
}

/// Prints presigned URLs.
pub(crate) async fn link(api: &Api, options: &Link, print: &Print) -> Result<(), Failure> {
    let sign = async |id: &String| {
        let file = api.get(&path_of(id)).await?;
        presigned(api, &file, options.expires_in, options.inline).await
    };
    each(&options.ids, AT_ONCE, print, sign, |id, link| print.link(id, &link)).await
}

/// The presigned URL of a file's bytes.
pub(crate) async fn presigned(api: &Api, file: &Json, seconds: u16, inline: bool) -> Result<Json, Failure> {
    let address = file["download_url"].as_str();
    let address = address.ok_or_else(|| Failure::Answer("a file without a download_url".to_owned()))?;
    let disposition = if inline { "&disposition=inline" } else { "" };
    api.get(&format!("{address}?redirect=false&expires_in={seconds}{disposition}")).await
}

/// The path of a file of this id.
pub(crate) fn path_of(id: &str) -> String {
    format!("/files/{}", segment(id))
}

/// Text of the user as one segment of a path.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The id of a file of the API.
pub(crate) fn id_of(file: &Value) -> Result<String, Failure> {
    let id = file["id"].as_str().map(str::to_owned);
    id.ok_or_else(|| Failure::Answer("a file without an id".to_owned()))
}
