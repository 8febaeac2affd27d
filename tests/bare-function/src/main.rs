//! Handles an HTTP request with one `GetItem`, with the SDK's usual setup: the baseline for the benchmark of the endpoints' cold
//! starts. `BARE_CALLS` sets a number of sequential calls.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // The same cryptography as in the endpoints: it is the smaller one, so the baseline is not slower for it.
    let https = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest());
    let config = config.http_client(https.build_https()).load().await;
    let dynamodb = &aws_sdk_dynamodb::Client::new(&config);
    let table = &std::env::var("FILES_TABLE")?;
    let calls: usize = std::env::var("BARE_CALLS").map_or(Ok(1), |calls| calls.parse())?;
    run(service_fn(move |_: Request| async move {
        let mut found = 0;
        for _ in 0..calls {
            let get = dynamodb.get_item().table_name(table);
            let get =
                get.key("pk", AttributeValue::S("bare".into())).key("sk", AttributeValue::S("key".into()));
            found += usize::from(get.send().await?.item.is_some());
        }
        Ok::<_, Error>(Response::new(Body::from(format!("{{\"found\":{found}}}"))))
    }))
    .await
}
