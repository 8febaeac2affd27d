//! Starts the function of `POST /v1/preview`.

use lambda_http::Error;
use lambda_startup::{Startup, number, optional};
use media_source::{MediaSource, PageResolver};
use preview_url::{PreviewUrl, limits};
use safe_fetch::{Allowed, SafeClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.records()?;
    let keys = startup.keys()?.with_rate_limits(&records).with_key_uses(&records);
    startup.connect_to_dynamodb(1).await;
    let allowed = Allowed::from_settings(optional);
    let client = SafeClient::new(allowed.clone(), limits(optional("FILES_IMPORT_CONTACT")))?;
    let pages = startup.page_function().map(|(client, name)| PageResolver::new(client, name));
    let max_joined_height = number("FILES_MAX_JOINED_HEIGHT", "a number of pixels")?;
    let source = MediaSource { client, allowed, pages, max_joined_height };
    files_api::serve(PreviewUrl { keys, records, source }).await
}
