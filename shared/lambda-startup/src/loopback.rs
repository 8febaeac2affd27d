use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// Makes the SDK stream uploads to an S3 emulator on this machine as it does to AWS: with a trailing checksum and without chunk
/// signatures (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>).
///
/// The SDK signs chunks if the URL is not `https`, which costs client and server a SHA-256 of every byte. This interceptor
/// changes the scheme to `https` while the request is signed. It does so only for loopback addresses, where the connection cannot
/// be intercepted.
#[derive(Debug)]
pub(crate) struct TrailingChecksumOnLoopback;

/// Marks a request whose scheme must be changed back to `http` before it is sent.
#[derive(Clone, Copy, Debug)]
struct RestoreHttp;

impl Storable for RestoreHttp {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for TrailingChecksumOnLoopback {
    fn name(&self) -> &'static str {
        "trailing checksum on loopback"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if is_streamed(request) && is_plain_loopback(request.uri()) {
            let url = request.uri().replacen("http:", "https:", 1);
            request.set_uri(url)?;
            bag.interceptor_state().store_put(RestoreHttp);
        }
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if bag.load::<RestoreHttp>().is_some() {
            let request = context.request_mut();
            let url = request.uri().replacen("https:", "http:", 1);
            request.set_uri(url)?;
        }
        Ok(())
    }
}

fn is_streamed(request: &HttpRequest) -> bool {
    request.body().bytes().is_none()
}

fn is_plain_loopback(url: &str) -> bool {
    let url: Option<http::Uri> = url.parse().ok();
    url.is_some_and(|url| {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let address: Option<std::net::IpAddr> = host.parse().ok();
        url.scheme_str() == Some("http") && address.is_some_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use files_domain::{FileId, OwnerId, UploadRef};
    use files_objects::{Objects, PartBytes};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::aws::{Aws, AwsEndpoints};

    /// Accepts one request like S3, and returns its head and body, including the trailer.
    async fn one_request(listener: TcpListener) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut came, mut buffer) = (Vec::new(), [0; 4096]);
        while !came.ends_with(b"\r\n\r\n") || came.windows(4).filter(|end| end == b"\r\n\r\n").count() < 2 {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "{}", String::from_utf8_lossy(&came));
            came.extend_from_slice(&buffer[..length]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        String::from_utf8(came).unwrap().to_ascii_lowercase()
    }

    #[tokio::test]
    async fn a_part_streamed_to_loopback_has_a_trailing_checksum() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let endpoints = AwsEndpoints { s3: Some(url), ..AwsEndpoints::default() };
        let aws = Aws::new("us-east-1".to_owned(), Credentials::for_tests(), endpoints);
        let objects = Objects::new(aws.s3(), "bucket".to_owned());
        let (bytes, body) = PartBytes::channel(3);
        let request = tokio::spawn(one_request(listener));
        let (owner, id) = (OwnerId::named("press"), FileId::new(crate::now()));
        let upload = UploadRef { owner, id, upload_id: "upload" };
        let (stored, sent) = tokio::join!(objects.put_part(upload, 1, body), bytes.send("abc".into()));
        sent.unwrap();
        assert_eq!(stored.unwrap().etag, "\"e\"");
        let request = request.await.unwrap();
        assert!(
            request.contains("x-amz-content-sha256: streaming-unsigned-payload-trailer\r\n"),
            "{request}"
        );
        assert!(request.contains("x-amz-trailer: x-amz-checksum-crc64nvme\r\n"), "{request}");
        assert!(request.contains("\r\n\r\n3\r\nabc\r\n0\r\nx-amz-checksum-crc64nvme:"), "{request}");
    }

    #[test]
    fn only_loopback_urls_without_tls_match() {
        for url in ["http://127.0.0.1:9000/b/k?partNumber=1", "http://[::1]/", "http://127.9.9.9/"] {
            assert!(is_plain_loopback(url), "{url}");
        }
        for url in [
            "https://127.0.0.1:9000/b/k",
            "http://10.0.0.1/b/k",
            "http://minio:9000/b/k",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "127.0.0.1",
        ] {
            assert!(!is_plain_loopback(url), "{url}");
        }
    }
}
