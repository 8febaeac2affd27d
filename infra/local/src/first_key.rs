//! The API key that the local cloud makes at its first start, and shows at every later one.

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use files_domain::{ApiKey, NewKey, Scope, Timestamp};
use files_records::Keys as ApiKeys;

use crate::account::REGION;
use crate::data::DataFolder;
use crate::identity::Keys;

/// Where its text is kept: the table has only its hash.
const FILE: &str = "api-key";

/// The key's text. A key that is kept in the data folder and not in the table (which earlier versions did not have) is
/// stored there again.
///
/// # Errors
/// The table or the data folder cannot be written.
pub(crate) async fn first_key(data: &DataFolder, dynamodb: &str, keys: &Keys, table: &str) -> Result<String> {
    let credentials = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "local");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(dynamodb)
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let stored = ApiKeys::new(aws_sdk_dynamodb::Client::from_conf(config), table);
    let new = NewKey {
        owner_name: "local".to_owned(),
        name: "first key".to_owned(),
        scopes: Scope::ALL.into(),
        expires_at: None,
    };
    let now = Timestamp::from(std::time::SystemTime::now());
    let known = data.read_secret(FILE)?.as_deref().and_then(ApiKey::parse);
    let key = match known {
        Some(key) if stored.find(key.hash()).await?.is_some() => return Ok(key.reveal().to_owned()),
        Some(key) => stored.store(&key, &new, now).await.map(|()| key),
        None => stored.create(&new, now).await,
    };
    let key = key.context("cannot make the first API key")?;
    data.write_secret(FILE, key.reveal())?;
    Ok(key.reveal().to_owned())
}
