//! The client: one request per hop, each checked.

use crate::cookies::Cookies;
use crate::failure::{describe, request_error};
use crate::ranges::{ByteRange, ContentRange, Validator, Version, retry_after};
use crate::resolver::{GuardedResolver, Lookup, SystemLookup};
use crate::{Allowed, FetchError, Source, SourceHeaders, SourceUrl, Target, address, headers};
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long and how much a fetch may take. Limits on the whole body are the caller's, who counts its bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For resolving the name, connecting and the TLS handshake together, per hop. 10 s.
    pub connect_timeout: Duration,
    /// From the connection to the end of the headers, per hop. 30 s.
    pub header_timeout: Duration,
    /// The longest wait for the next byte of the body, and for [`min_bytes`](Self::min_bytes) of it. 30 s.
    pub stall_timeout: Duration,
    /// The fewest bytes of the body that must come while it is waited for them for the stall timeout. 30 KiB: whoever
    /// sends less keeps the connection, and nothing else.
    pub min_bytes: u64,
    /// How many redirects are followed. 20, as browsers and curl do.
    pub max_redirects: usize,
    /// The most bytes of the headers of one answer, names and values. 64 KiB.
    pub max_header_bytes: u32,
    /// How the operator can be reached, an address of a page or of mail: sites such as Wikimedia refuse agents that name none.
    /// Nobody.
    pub contact: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            min_bytes: 30 * 1024,
            max_redirects: 20,
            max_header_bytes: 64 * 1024,
            contact: None,
        }
    }
}

/// Fetches from public addresses, and from hosts the operator allowed. Cheap to clone.
#[derive(Clone)]
pub struct SafeClient {
    http: Client,
    allowed: Allowed,
    limits: Limits,
    lookup: Arc<dyn Lookup>,
    tls: ClientConfig,
}

impl fmt::Debug for SafeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SafeClient");
        debug.field("allowed", &self.allowed).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl SafeClient {
    /// A client with Mozilla's root certificates, linked in: it reads no file and no environment variable.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if TLS cannot be set up.
    pub fn new(allowed: Allowed, limits: Limits) -> Result<Self, FetchError> {
        SafeClient::with(allowed, limits, Arc::new(SystemLookup), mozilla_roots())
    }

    pub(crate) fn with(
        allowed: Allowed,
        limits: Limits,
        lookup: Arc<dyn Lookup>,
        roots: RootCertStore,
    ) -> Result<Self, FetchError> {
        let tls = tls(roots)?;
        let resolver = GuardedResolver::new(allowed.clone(), lookup.clone());
        let http = build_http(http(resolver, &limits, tls.clone()))?;
        Ok(SafeClient { http, allowed, limits, lookup, tls })
    }

    /// A client for one transfer of many requests: it keeps up to `connections` of them (each was checked when it was
    /// made) for the next request, and speaks HTTP/1.1, for in HTTP/2 all requests would share one connection. To be
    /// dropped before the process may freeze, for connections die of that unnoticed.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if TLS cannot be set up.
    pub fn for_transfer(&self, connections: usize) -> Result<Self, FetchError> {
        let mut tls = self.tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let resolver = GuardedResolver::new(self.allowed.clone(), self.lookup.clone());
        let http = http(resolver, &self.limits, tls).http1_only();
        let http = http.pool_max_idle_per_host(connections).pool_idle_timeout(KEEP_IDLE);
        Ok(SafeClient { http: build_http(http)?, ..self.clone() })
    }

    /// Asks for the URL, follows redirects, and returns once a source answered 200 and sent its headers.
    ///
    /// # Errors
    /// Anything but a 200 in the form asked for, as a [`FetchError`].
    pub async fn get(&self, url: &SourceUrl) -> Result<Source, FetchError> {
        self.get_with(url, &SourceHeaders::default()).await
    }

    /// The same with headers for the source. A redirect to another origin leaves the secrets among them behind.
    ///
    /// # Errors
    /// As [`get`](SafeClient::get).
    pub async fn get_with(&self, url: &SourceUrl, headers: &SourceHeaders) -> Result<Source, FetchError> {
        self.whole(&Target { url: url.clone(), headers: headers.clone() }).await
    }

    async fn whole(&self, target: &Target) -> Result<Source, FetchError> {
        let (last, response) = self.follow(target, &HeaderMap::new()).await?;
        match (response.status().as_u16(), ContentRange::of(response.headers())) {
            (200, _) => self.accept(last, response),
            (206, Some(range)) if range.is_whole() => self.accept_range(last, response, range),
            _ => Err(refused_at(target, &last, &response)),
        }
    }

    /// The same, and asks whether the source can be asked for parts. If so, [`Source::version`] says of what; the body
    /// that comes is the whole all the same. A source that a range confuses is asked again without.
    ///
    /// # Errors
    /// Anything but the whole, as a [`FetchError`].
    pub async fn open(&self, target: &Target) -> Result<Source, FetchError> {
        let all = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-"))]);
        let (last, response) = match self.follow(target, &all).await {
            Err(error) if error.may_be_range() => {
                return self.whole(target).await.map_err(|again| again.or(error));
            }
            followed => followed?,
        };
        match (response.status().as_u16(), ContentRange::of(response.headers())) {
            (200, _) => self.accept(last, response),
            (206, Some(range)) if range.is_whole() && has_length(&response, range) => {
                self.accept_whole(last, response, range)
            }
            // A piece of it, another than was asked for, or one that does not say which: what some give who are asked for all,
            // or do not know the length. An empty file has no byte 0, and many sources fail on what they do not expect.
            (206 | 416, _) => self.whole(target).await,
            (status, _) if may_fail_on_range(status) => {
                let error = refused_at(target, &last, &response);
                drop(response);
                self.whole(target).await.map_err(|again| again.or(error))
            }
            _ => Err(refused_at(target, &last, &response)),
        }
    }

    /// Asks for some bytes, of whatever version there is. Returns the answer, and where its first byte stands: of a source that
    /// gives no parts that is the beginning of the file, and the answer goes on to its end.
    ///
    /// # Errors
    /// Anything that went wrong, as a [`FetchError`].
    pub async fn part(&self, target: &Target, wanted: ByteRange) -> Result<(Source, u64), FetchError> {
        let header = HeaderValue::from_str(&wanted.header()).map_err(|_| FetchError::WrongRange)?;
        let asked = HeaderMap::from_iter([(RANGE, header)]);
        let (last, response) = match self.follow(target, &asked).await {
            Err(error) if error.may_be_range() => {
                return self.whole(target).await.map(|source| (source, 0)).map_err(|again| again.or(error));
            }
            followed => followed?,
        };
        match (response.status().as_u16(), ContentRange::of(response.headers())) {
            (200, _) => Ok((self.accept(last, response)?, 0)),
            (206, Some(range)) if range.first == wanted.first && range.last <= wanted.last => {
                Ok((self.accept_range(last, response, range)?, range.first))
            }
            (206 | 416, _) => Ok((self.whole(target).await?, 0)),
            (status, _) if may_fail_on_range(status) => {
                let error = refused_at(target, &last, &response);
                drop(response);
                let whole = self.whole(target).await.map_err(|again| again.or(error))?;
                Ok((whole, 0))
            }
            _ => Err(refused_at(target, &last, &response)),
        }
    }

    /// Asks for some bytes of just that version of a source. What comes may be less than is wanted, and then is its
    /// beginning: [`Source::length`] says so.
    ///
    /// # Errors
    /// [`FetchError::Changed`] if there is another version by now; [`FetchError::WrongRange`] for other bytes; anything
    /// else that went wrong, as a [`FetchError`].
    pub async fn range(
        &self,
        target: &Target,
        version: &Version,
        wanted: ByteRange,
    ) -> Result<Source, FetchError> {
        let header = |text: &str| HeaderValue::from_str(text).map_err(|_| FetchError::Changed);
        let asked = HeaderMap::from_iter([
            (RANGE, header(&wanted.header())?),
            (IF_RANGE, header(version.validator.as_str())?),
        ]);
        let (target, response) = self.follow(target, &asked).await?;
        match response.status().as_u16() {
            206 => {}
            200 | 412 | 416 => return Err(FetchError::Changed),
            _ => return Err(refused(&response)),
        }
        let range = ContentRange::of(response.headers()).ok_or(FetchError::WrongRange)?;
        if range.total.is_some_and(|total| total != version.total)
            || !version.validator.agrees(response.headers())
        {
            return Err(FetchError::Changed);
        }
        if range.total.is_none() || range.first != wanted.first || range.last > wanted.last {
            return Err(FetchError::WrongRange);
        }
        self.accept_range(target, response, range)
    }

    /// Returns whether a URL's host name resolves to an address that is not public. One that cannot be resolved does not.
    pub async fn resolves_to_private(&self, url: &SourceUrl) -> bool {
        let Some(url::Host::Domain(name)) = url.url().host() else { return false };
        if self.allowed.contains_name(name) {
            return false;
        }
        let lookup = self.lookup.lookup(name.to_owned());
        let found = tokio::time::timeout(self.limits.connect_timeout, lookup).await;
        let addresses = found.ok().and_then(Result::ok).unwrap_or_default();
        addresses.into_iter().any(|address| address::refused(address).is_some())
    }

    /// Follows redirects, each checked as a URL that a user sends, to the first other response.
    async fn follow(&self, target: &Target, asked: &HeaderMap) -> Result<(Target, Response), FetchError> {
        let Target { url, mut headers } = target.clone();
        // Checked again: it may have been parsed with other hosts allowed than this client's.
        let mut url = SourceUrl::check(url.url().clone(), &self.allowed)?;
        let mut cookies = Cookies::default();
        for hop in 0..=self.limits.max_redirects {
            let place = |error: FetchError| match hop {
                0 => error,
                _ => FetchError::Redirected(Box::new(error)),
            };
            let own = headers.with_cookies(cookies.header(url.url()));
            let response = self.send(&url, &own, asked).await.map_err(place)?;
            match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => {
                    cookies.take(url.url(), response.headers());
                    let next = self.redirected(&url, response.headers());
                    let next = next.map_err(|error| FetchError::Redirected(Box::new(error)))?;
                    headers = headers.redirected(url.url(), next.url());
                    url = next;
                }
                _ => return Ok((Target { url, headers: own }, response)),
            }
        }
        Err(FetchError::TooManyRedirects)
    }

    async fn send(
        &self,
        url: &SourceUrl,
        headers: &SourceHeaders,
        asked: &HeaderMap,
    ) -> Result<Response, FetchError> {
        let mut all = headers.map();
        all.extend(asked.clone());
        let request = self.http.get(url.url().clone()).headers(all).send();
        let limit = self.limits.connect_timeout.saturating_add(self.limits.header_timeout);
        let response = tokio::time::timeout(limit, request)
            .await
            .map_err(|_| FetchError::Timeout)?
            .map_err(request_error)?;
        if headers::size(response.headers()) > self.limits.max_header_bytes as usize {
            return Err(FetchError::HeadersTooLarge);
        }
        Ok(response)
    }

    fn accept(&self, target: Target, response: Response) -> Result<Source, FetchError> {
        if !headers::is_plain_transfer(response.headers()) {
            return Err(FetchError::ContentEncoding("a transfer coding"));
        }
        Ok(Source::new(target, response, &self.limits))
    }

    /// A 206 with just what it says.
    fn accept_range(
        &self,
        target: Target,
        response: Response,
        range: ContentRange,
    ) -> Result<Source, FetchError> {
        if !has_length(&response, range) {
            return Err(FetchError::WrongRange);
        }
        let mut source = self.accept(target, response)?;
        source.length = Some(range.length());
        Ok(source)
    }

    fn accept_whole(
        &self,
        target: Target,
        response: Response,
        range: ContentRange,
    ) -> Result<Source, FetchError> {
        let validator = Validator::of(response.headers());
        let mut source = self.accept_range(target, response, range)?;
        source.version = validator.map(|validator| Version { total: range.length(), validator });
        Ok(source)
    }

    /// Where a redirect leads. From https to http is followed too: no secret goes along, as that is another origin, and
    /// whoever could change the bytes on the way would need the source itself to send us there.
    fn redirected(&self, from: &SourceUrl, headers: &HeaderMap) -> Result<SourceUrl, FetchError> {
        let location = headers.get(LOCATION).ok_or(FetchError::BadRedirect)?;
        // Not to_str: sources send unescaped UTF-8, which the URL parser escapes, and other bytes, which go back as they came.
        let location: String = location.as_bytes().utf8_chunks().fold(String::new(), |mut text, chunk| {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
            text
        });
        let url = from.url().join(location.trim()).map_err(|_| FetchError::BadRedirect)?;
        Ok(SourceUrl::check(url, &self.allowed)?)
    }
}

/// Whether a part is as long as it says.
fn has_length(response: &Response, range: ContentRange) -> bool {
    response.content_length().is_none_or(|length| length == range.length())
}

/// Statuses by which sources have been seen to answer a range that they do not expect, and not the same request without.
fn may_fail_on_range(status: u16) -> bool {
    matches!(status, 400 | 403 | 405 | 406 | 412 | 500 | 501 | 502)
}

/// Most header lines of one answer.
const MAX_HEADERS: usize = 400;

/// What a site is told of who asks: the project, and how its operator can be reached.
fn user_agent(contact: Option<&str>) -> HeaderValue {
    let agent = concat!("files/", env!("CARGO_PKG_VERSION"));
    let with_contact =
        contact.filter(|contact| !contact.is_empty()).map(|contact| format!("{agent} (+{contact})"));
    let named = with_contact.and_then(|agent| HeaderValue::from_str(&agent).ok());
    named.unwrap_or(HeaderValue::from_static(agent))
}

/// How long a connection waits for the next request of a transfer.
const KEEP_IDLE: Duration = Duration::from_secs(5);

fn build_http(http: ClientBuilder) -> Result<Client, FetchError> {
    http.build().map_err(|error| FetchError::Setup(describe(&error.without_url())))
}

/// An answer that is not the file, perhaps where a redirect led.
fn refused_at(asked: &Target, last: &Target, response: &Response) -> FetchError {
    let error = refused(response);
    if asked.url.url() == last.url.url() { error } else { FetchError::Redirected(Box::new(error)) }
}

/// An answer that is not the file.
fn refused(response: &Response) -> FetchError {
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    match wait.and_then(|wait| retry_after(wait, SystemTime::now())) {
        Some(retry_after) if matches!(status, 429 | 503) => FetchError::Busy { status, retry_after },
        _ => FetchError::Status(status),
    }
}

fn http(resolver: GuardedResolver, limits: &Limits, tls: ClientConfig) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(resolver))
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Features of other crates of a build could switch decompression on.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .default_headers(headers)
        .user_agent(user_agent(limits.contact.as_deref()))
        .connect_timeout(limits.connect_timeout)
        .http2_max_header_list_size(limits.max_header_bytes)
        // What curl reads: a blank before the colon, folded lines, lines that are no header, many of them.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS)
        // Every request connects anew, so every request is checked anew, and no connection dies in a freeze.
        .pool_max_idle_per_host(0)
}

/// Mozilla's, linked in.
pub(crate) fn mozilla_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// The provider is named here, so that the client neither needs a process-wide one nor asks the platform's verifier.
fn tls(roots: RootCertStore) -> Result<ClientConfig, FetchError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
