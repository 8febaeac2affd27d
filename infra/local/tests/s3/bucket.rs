//! A served bucket in a temporary folder, and clients for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use files_local::calls::Calls;
use files_local::faults::Faults;
use files_local::iam::Policies;
use files_local::identity::Identities;
use files_local::s3::{CorsRule, S3, Settings};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The bucket's name.
pub(crate) const BUCKET: &str = "files-local-files-000000000000";

/// A bucket, served until the test's runtime ends.
pub(crate) struct Bucket {
    pub(crate) s3: S3,
    pub(crate) calls: Arc<Calls>,
    pub(crate) faults: Faults,
    pub(crate) identities: Identities,
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
    folder: tempfile::TempDir,
    server: JoinHandle<anyhow::Result<()>>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        Self::start_with(Policies::open()).await
    }

    /// Starts a bucket with policies.
    pub(crate) async fn start_with(policies: Policies) -> Self {
        Self::serve(tempfile::tempdir().unwrap(), policies).await
    }

    async fn serve(folder: tempfile::TempDir, policies: Policies) -> Self {
        let (calls, identities) = (Arc::new(Calls::default()), Identities::new([7; 32]));
        let faults = Faults::default();
        let cors = CorsRule {
            allowed_origins: vec!["https://*.example".to_owned()],
            allowed_methods: ["GET", "HEAD", "PUT"].map(str::to_owned).to_vec(),
            allowed_headers: vec!["*".to_owned()],
            exposed_headers: ["ETag", "Content-Range"].map(str::to_owned).to_vec(),
            max_age_seconds: Some(3600),
        };
        let settings = Settings {
            data: folder.path().join("s3"),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            cors: vec![cors],
            identities: identities.clone(),
            policies,
            calls: Arc::clone(&calls),
        };
        let s3 = S3::open(settings).unwrap().with_faults(faults.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(s3.clone().serve(listener));
        Self { s3, calls, faults, identities, address, folder, server }
    }

    /// Restarts the bucket in the same folder, on another port.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// Restarts the bucket, and changes the folder in between.
    pub(crate) async fn restart_after(self, meanwhile: impl FnOnce(PathBuf)) -> Self {
        let Self { s3, server, folder, .. } = self;
        server.abort();
        let _ = server.await;
        drop(s3);
        meanwhile(folder.path().join("s3"));
        Self::serve(folder, Policies::open()).await
    }

    /// Returns the AWS SDK with the keys of one caller.
    pub(crate) fn client(&self, caller: &str) -> Client {
        let keys = self.identities.keys(caller);
        let credentials =
            Credentials::new(keys.access_key_id, keys.secret_access_key, keys.session_token, None, "test");
        self.client_with(credentials, "us-east-1")
    }

    /// Returns the AWS SDK with any keys.
    pub(crate) fn client_with(&self, credentials: Credentials, region: &'static str) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .endpoint_url(&self.address)
            .credentials_provider(credentials)
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Client::from_conf(config)
    }

    /// Stores an object.
    pub(crate) async fn put(&self, key: &str, body: impl Into<Vec<u8>>) {
        let body: Vec<u8> = body.into();
        self.client("root").put_object().bucket(BUCKET).key(key).body(body.into()).send().await.unwrap();
    }

    /// Returns the bytes of an object, if it exists.
    pub(crate) async fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self.client("root").get_object().bucket(BUCKET).key(key).send().await {
            Ok(output) => Some(output.body.collect().await.unwrap().to_vec()),
            Err(error) => {
                assert_eq!(code(&error), "NoSuchKey");
                None
            }
        }
    }

    /// Returns the numbers of staged files and of files in place.
    pub(crate) fn files(&self) -> (usize, usize) {
        let count = |name: &str| std::fs::read_dir(self.folder.path().join("s3").join(name)).unwrap().count();
        (count("staged"), count("objects"))
    }

    /// Waits for these numbers of staged files and of files in place.
    pub(crate) async fn wait_for_files(&self, expected: (usize, usize)) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.files() != expected {
            assert!(Instant::now() < deadline, "{:?} files, expected {expected:?}", self.files());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Returns a plain HTTP client that follows no redirects.
pub(crate) fn http() -> reqwest::Client {
    // Another test of this process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Returns the settings of a signature that is valid for five minutes from now.
pub(crate) fn five_minutes() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(300)).unwrap()
}

/// Sends a presigned request, changed by `change`.
pub(crate) async fn send(
    presigned: &PresignedRequest,
    body: Vec<u8>,
    change: impl FnOnce(reqwest::Request) -> reqwest::Request,
) -> Response {
    let method = presigned.method().parse().unwrap();
    let mut request = http().request(method, presigned.uri());
    for (name, value) in presigned.headers() {
        // The client sets the length itself, from the body.
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, value);
        }
    }
    let request = change(request.body(body).build().unwrap());
    Response::of(http().execute(request).await.unwrap()).await
}

/// A response of any kind.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the error's code, empty without an error.
    pub(crate) fn code(&self) -> String {
        self.element("Code").unwrap_or_default()
    }

    /// Returns the text of the first XML element with this name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        Some(text.replace("&apos;", "'").replace("&amp;", "&"))
    }

    /// Checks that this is the error, with these elements beside its code.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str, elements: &[(&str, &str)]) {
        self.assert_refused(status, code);
        let text = String::from_utf8_lossy(&self.body);
        for (name, expected) in elements {
            assert_eq!(self.element(name).as_deref(), Some(*expected), "{name} in {text}");
        }
        assert!(self.element("Message").is_some_and(|message| !message.is_empty()), "{text}");
        assert_eq!(self.element("RequestId").as_deref(), Some(self.header("x-amz-request-id")));
        assert!(self.element("HostId").is_some(), "{text}");
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status, self.code().as_str()), (status, code), "{text}");
    }
}

/// Returns the code of an SDK error.
pub(crate) fn code<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    error: &SdkError<E, R>,
) -> &str {
    error.code().unwrap_or_else(|| panic!("no code in {error:?}"))
}

/// Returns a SHA-256 in base64, as in headers.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    BASE64.encode(Sha256::digest(bytes))
}

/// Returns a CRC64NVME in base64, as in headers.
pub(crate) fn crc64nvme(bytes: &[u8]) -> String {
    BASE64.encode(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes())
}

/// Returns pseudo-random bytes.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
