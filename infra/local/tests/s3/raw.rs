//! Raw requests, signed in their header or query: forms that no SDK sends, or sends only by itself.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use crate::bucket::{BUCKET, Bucket, Response, http};

/// Header names and values.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Bucket {
    /// Returns the URL of a key and an optional query.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}/{BUCKET}/{target}", self.address)
    }

    /// Sends a request of `root`, signed in its header.
    pub(crate) async fn signed(
        &self,
        method: &str,
        target: &str,
        headers: Headers<'_>,
        body: &[u8],
    ) -> Response {
        self.signed_as(SystemTime::now(), SignableBody::Bytes(body), method, target, headers, body).await
    }

    /// Sends a request of `root`, signed at another time or for another form of its body.
    pub(crate) async fn signed_as(
        &self,
        time: SystemTime,
        form: SignableBody<'_>,
        method: &str,
        target: &str,
        headers: Headers<'_>,
        body: &[u8],
    ) -> Response {
        let url = self.url(target);
        let mut settings = settings();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let request = SignableRequest::new(method, &url, headers.iter().copied(), form).unwrap();
        let signature = self.sign(request, settings, time);
        let added: Vec<_> = signature.headers().collect();
        send(method, &url, &[headers, &added[..]].concat(), body).await
    }

    /// Presigns a request of `root` for five minutes from now.
    pub(crate) fn presign(&self, method: &str, target: &str, headers: Headers<'_>) -> String {
        self.presign_at(SystemTime::now(), Duration::from_secs(300), method, target, headers)
    }

    /// Presigns a request of `root` with another start and lifetime.
    pub(crate) fn presign_at(
        &self,
        time: SystemTime,
        life: Duration,
        method: &str,
        target: &str,
        headers: Headers<'_>,
    ) -> String {
        let url = self.url(target);
        let mut settings = settings();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(life);
        let form = SignableBody::UnsignedPayload;
        let request = SignableRequest::new(method, &url, headers.iter().copied(), form).unwrap();
        let signature = self.sign(request, settings, time);
        let mut signed = reqwest::Url::parse(&url).unwrap();
        signed.query_pairs_mut().extend_pairs(signature.params().iter().map(|(name, value)| (name, value)));
        signed.to_string()
    }

    fn sign(
        &self,
        request: SignableRequest<'_>,
        settings: SigningSettings,
        time: SystemTime,
    ) -> aws_sigv4::http_request::SigningInstructions {
        let keys = self.identities.keys("root");
        let identity =
            Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "test").into();
        let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("s3");
        let params = params.time(time).settings(settings).build().unwrap().into();
        sign(request, &params).unwrap().into_parts().0
    }
}

fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}

/// Sends a request unchanged.
pub(crate) async fn send(method: &str, url: &str, headers: Headers<'_>, body: &[u8]) -> Response {
    let mut request = http().request(method.parse().unwrap(), url).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Response::of(request.send().await.unwrap()).await
}
