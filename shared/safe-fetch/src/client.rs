//! The client: one request per hop, each checked.

use crate::cookies::Cookies;
use crate::failure::{describe, request_error};
use crate::ranges::{ByteRange, ContentRange, Validator, Version, retry_after};
use crate::resolver::{GuardedResolver, Lookup, SystemLookup};
use crate::setup::{http, mozilla_roots, tls};
use crate::{Allowed, FetchError, Limits, Source, SourceHeaders, SourceUrl, Target, address, headers};
use http::header::{HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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

    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    pub(crate) fn allowed(&self) -> &Allowed {
        &self.allowed
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
