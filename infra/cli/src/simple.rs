//! Commands of one request, or of a few.

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::arguments::{Create, Import, List};
use crate::failure::{Failure, each};
use crate::print::Print;

/// Most files on one page.
const PAGE: u64 = 500;

pub(crate) async fn import(api: &Api, options: &Import, print: &Print) -> Result<(), Failure> {
    let mut body = Map::from_iter([("file_url".to_owned(), json!(options.source))]);
    add_options(&mut body, &options.create);
    let file = api.create(&Value::Object(body), &Uuid::now_v7().to_string()).await?;
    created(api, file, &options.create, print).await
}

pub(crate) async fn preview(api: &Api, source: &str, print: &Print) -> Result<(), Failure> {
    print.preview(&api.post("/preview", &json!({ "file_url": source })).await?)
}

/// Puts into a request what every way of creating a file takes.
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

/// Shows a file that has come about, at once or when it has come to its end.
pub(crate) async fn created(api: &Api, file: Value, options: &Create, print: &Print) -> Result<(), Failure> {
    if !options.wait {
        return print.file(&file);
    }
    let file = wait(api, &id_of(&file)?, print).await?;
    print.file(&file)?;
    if file["status"] == "failed" {
        let error = file["error"].as_str().unwrap_or_default();
        return Err(Failure::FileFailed(format!("{} has failed: {error}", id_of(&file)?)));
    }
    Ok(())
}

/// Returns the file in its last status. Says why an import backs off meanwhile.
async fn wait(api: &Api, id: &str, print: &Print) -> Result<Value, Failure> {
    let mut pause = Duration::from_millis(200);
    let mut retrying = None;
    loop {
        let file = api.get(&format!("/files/{id}")).await?;
        if matches!(file["status"].as_str(), Some("success" | "failed")) {
            return Ok(file);
        }
        if let Some(note) = retrying_note(&file).filter(|note| retrying.as_ref() != Some(note)) {
            print.note(&note);
            retrying = Some(note);
        }
        tokio::time::sleep(pause).await; // between two looks at what others do
        pause = (pause * 3 / 2).min(Duration::from_secs(3));
    }
}

/// Why an import backs off, and when it tries again.
pub(crate) fn retrying_note(file: &Value) -> Option<String> {
    let reason = file["retrying"]["reason"].as_str()?;
    let at = file["retrying"]["next_try_at"].as_str().and_then(|at| at.get(11..19)).unwrap_or("later");
    Some(format!("{reason}; next try at {at} UTC"))
}

pub(crate) async fn list(api: &Api, options: &List, print: &Print) -> Result<(), Failure> {
    let List { limit, status, media_type, source } = options;
    let mut left = *limit;
    let mut cursor: Option<String> = None;
    while left > 0 {
        let page = left.min(PAGE).to_string();
        let wanted = [
            ("limit", Some(&page)),
            ("status", status.as_ref()),
            ("type", media_type.as_ref()),
            ("source", source.as_ref()),
            ("cursor", cursor.as_ref()),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(wanted.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let answer = api.get(&format!("/files?{}", query.finish())).await?;
        for file in
            answer["files"].as_array().into_iter().flatten().take(usize::try_from(left).unwrap_or(usize::MAX))
        {
            print.file(file)?;
            left -= 1;
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

pub(crate) async fn get(api: &Api, ids: &[String], print: &Print) -> Result<(), Failure> {
    each(ids, print, async |id| print.whole(&api.get(&format!("/files/{}", segment(id))).await?)).await
}

pub(crate) async fn remove(api: &Api, ids: &[String], print: &Print) -> Result<(), Failure> {
    each(ids, print, async |id| {
        api.delete(&format!("/files/{}", segment(id))).await?;
        print.done(id, "deleted", "")
    })
    .await
}

/// What a user typed, as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The id of a file that the API has told of.
pub(crate) fn id_of(file: &Value) -> Result<String, Failure> {
    let id = file["id"].as_str().map(str::to_owned);
    id.ok_or_else(|| Failure::Answer("a file without an id".to_owned()))
}
