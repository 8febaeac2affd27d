//! `POST /v1/files`

use std::sync::Arc;

use create_file::CreateFileHandler;
use lambda_http::Error;
use lambda_startup::{Startup, number, optional};
use safe_fetch::Allowed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.records_with_keys()?;
    startup.connect_to_dynamodb(1).await;
    let handler = Arc::new(CreateFileHandler {
        records,
        objects: startup.objects()?,
        imports: startup.import_queue()?,
        allowed: Allowed::parse(&optional("FILES_IMPORT_ALLOW_HOSTS").unwrap_or_default())
            .except(&optional("AWS_LAMBDA_RUNTIME_API").unwrap_or_default()),
        max_file_bytes: number("FILES_MAX_FILE_BYTES", "a number of bytes")?,
        public_url: optional("FILES_PUBLIC_URL"),
    });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(request, lambda_startup::now()).await }
    })
    .await
}
