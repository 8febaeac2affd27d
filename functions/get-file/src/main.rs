//! Starts the function of `GET /v1/files/{id}`.

use files_records::WaitSlots;
use get_file::GetFile;
use lambda_http::Error;
use lambda_startup::{Startup, number, optional};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb(1).await;
    files_api::serve(GetFile {
        records,
        objects,
        public_url: optional("FILES_PUBLIC_URL"),
        slots: WaitSlots::of_deployment(u16::try_from(number("FILES_MAX_WAITS", "a number of requests")?)?),
    })
    .await
}
