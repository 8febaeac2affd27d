//! The parameters of the tools. They have the names of the API, so that they can be sent unchanged.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options for creating a file.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
pub(super) struct Options {
    /// Name of the file. Default: the name of the local file or of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Metadata to store with the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<String, String>>,
    /// Seconds until the file is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UploadFile {
    /// Path of the file, relative to the root of this server.
    pub(super) path: PathBuf,
    #[serde(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(super) struct ImportUrl {
    /// An absolute http or https URL.
    file_url: String,
    /// Headers for the server of the URL, such as Referer or Authorization.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    options: Options,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UpdateFile {
    /// Id of the file.
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) change: Change,
}

/// The changes of a file. A field that is absent does not change.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(super) struct Change {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Strings that replace all that are kept with the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<String, String>>,
    /// Seconds from now until the file is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WaitFor {
    /// Id of the file.
    pub(super) id: String,
    /// Maximum time to wait, in seconds. Default 60.
    pub(super) timeout_seconds: Option<u16>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Id {
    /// Id of the file.
    pub(super) id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LinkTo {
    /// Id of the file.
    pub(super) id: String,
    /// Lifetime of the URL in seconds, from 60 to 3600. Default 3600.
    pub(super) expires_in: Option<u16>,
    /// Let browsers show audio, video and images instead of saving them.
    #[serde(default)]
    pub(super) inline: bool,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(super) struct ListFiles {
    /// Maximum number of files on the page, from 1 to 500. Default 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u16>,
    /// next_cursor of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// Source of the bytes: an upload, or a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    /// Type of the file, according to its streams.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    Asc,
    Desc,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Running,
    Success,
    Failed,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    Upload,
    Url,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MediaType {
    Video,
    Audio,
    Image,
    Other,
}
