//! Starts the function of `POST /v1/files`.

use create_file::CreateFile;
use lambda_http::Error;
use lambda_startup::{Startup, number, optional};
use safe_fetch::Allowed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.client_records()?;
    startup.connect_to_dynamodb(1).await;
    files_api::serve(CreateFile {
        records,
        objects: startup.objects()?,
        imports: startup.import_queue()?,
        allowed: Allowed::from_settings(optional),
        max_file_bytes: number("FILES_MAX_FILE_BYTES", "a number of bytes")?,
        public_url: optional("FILES_PUBLIC_URL"),
    })
    .await
}
