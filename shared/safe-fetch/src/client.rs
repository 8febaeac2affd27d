//! The client: sends one checked request per redirect hop.

use crate::cookies::Cookies;
use crate::failure::{describe, request_error};
use crate::ranges::{self, ByteRange, ContentRange, Validator, Version, retry_after};
use crate::resolver::{GuardedResolver, Names};
use crate::setup::{http, mozilla_roots, tls};
use crate::{Allowed, FetchError, Limits, Source, SourceHeaders, SourceUrl, Target, address, headers};
use http::header::{HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::time::{Duration, SystemTime};

/// An HTTP client for public addresses and for hosts the operator allowed. Cheap to clone.
#[derive(Clone)]
pub struct SafeClient {
    http: Client,
    allowed: Allowed,
    limits: Limits,
    names: Names,
    tls: ClientConfig,
}

impl fmt::Debug for SafeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SafeClient");
        debug.field("allowed", &self.allowed).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl SafeClient {
    /// Creates a client that trusts Mozilla's root certificates. They are linked in: it reads no files or environment variables.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if TLS cannot be set up.
    pub fn new(allowed: Allowed, limits: Limits) -> Result<Self, FetchError> {
        SafeClient::with(allowed, limits, Names::System, mozilla_roots())
    }

    pub(crate) fn with(
        allowed: Allowed,
        limits: Limits,
        names: Names,
        roots: RootCertStore,
    ) -> Result<Self, FetchError> {
        let tls = tls(roots)?;
        let resolver = GuardedResolver::new(allowed.clone(), names.clone());
        let http = build_http(http(resolver, &limits, tls.clone()))?;
        Ok(SafeClient { http, allowed, limits, names, tls })
    }

    /// Returns a client for one transfer of many requests. It keeps up to `connections` idle connections per host, each checked
    /// when it was opened, and uses HTTP/1.1, because in HTTP/2 all requests would share one connection.
    ///
    /// Drop the client before Lambda may freeze the process: connections can break unnoticed in the meantime.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if TLS cannot be set up.
    pub fn for_transfer(&self, connections: usize) -> Result<Self, FetchError> {
        let mut tls = self.tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let resolver = GuardedResolver::new(self.allowed.clone(), self.names.clone());
        let http = http(resolver, &self.limits, tls).http1_only();
        let http = http.pool_max_idle_per_host(connections).pool_idle_timeout(IDLE_TIMEOUT);
        Ok(SafeClient { http: build_http(http)?, ..self.clone() })
    }

    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    pub(crate) fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Sends a GET request, follows redirects, and returns after the headers of a response with the file.
    ///
    /// # Errors
    /// [`FetchError::Status`] or [`FetchError::Busy`] for another status, [`FetchError::Redirected`] for an error after a
    /// redirect, and the other variants of [`FetchError`] for failures of the URL, DNS, connection or headers.
    pub async fn get(&self, url: &SourceUrl) -> Result<Source, FetchError> {
        self.get_with(url, &SourceHeaders::default()).await
    }

    /// Sends a GET request with headers for the source. A redirect to another origin drops all headers that may be secret.
    ///
    /// # Errors
    /// The errors of [`get`](SafeClient::get).
    pub async fn get_with(&self, url: &SourceUrl, headers: &SourceHeaders) -> Result<Source, FetchError> {
        self.whole(&Target { url: url.clone(), headers: headers.clone() }).await
    }

    async fn whole(&self, target: &Target) -> Result<Source, FetchError> {
        let (last, response) = self.follow(target, &HeaderMap::new()).await?;
        match (response.status().as_u16(), ContentRange::of(response.headers())) {
            (status, _) if has_file(status) => self.accept(last, response),
            (206, Some(range)) if range.is_whole() => self.accept_range(last, response, range),
            _ => Err(refused_at(target, &last, &response)),
        }
    }

    /// Requests the whole file with `Range: bytes=0-`, to detect whether the source supports range requests. If it does,
    /// [`Source::version`] is set. If the request fails in a way that `Range` may have caused, sends it again without.
    ///
    /// # Errors
    /// The errors of [`get`](SafeClient::get), and [`FetchError::WrongRange`] if the body is not as long as its `Content-Range`.
    pub async fn open(&self, target: &Target) -> Result<Source, FetchError> {
        let all = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-"))]);
        let (last, response) = match self.follow(target, &all).await {
            Err(error) if error.may_be_caused_by_range() => {
                return self.whole(target).await.map_err(|again| again.or_status_of(error));
            }
            followed => followed?,
        };
        match (response.status().as_u16(), ContentRange::of(response.headers())) {
            (status, _) if has_file(status) => self.accept(last, response),
            (206, Some(range)) if range.is_whole() && has_length(&response, range) => {
                self.accept_whole(last, response, range)
            }
            // Some sources respond to `bytes=0-` with a part of the file, or with a range that is missing or has no total length.
            // For an empty file, 416 is the correct response.
            (206 | 416, _) => self.whole(target).await,
            (status, _) if may_fail_on_range(status) => {
                let error = refused_at(target, &last, &response);
                drop(response);
                self.whole(target).await.map_err(|again| again.or_status_of(error))
            }
            _ => Err(refused_at(target, &last, &response)),
        }
    }

    /// Requests a range of the current version of a file. Returns the response and the offset of its first byte. If the source
    /// does not support ranges, the response has the whole file, and the offset is 0.
    ///
    /// # Errors
    /// The errors of [`get`](SafeClient::get), [`FetchError::WrongRange`] if the body is not as long as its `Content-Range`, and
    /// [`FetchError::TooShort`] if the file ends before the range does.
    pub async fn part(&self, target: &Target, wanted: ByteRange) -> Result<(Source, u64), FetchError> {
        let header = HeaderValue::from_str(&wanted.header()).map_err(|_| FetchError::WrongRange)?;
        let range_headers = HeaderMap::from_iter([(RANGE, header)]);
        let (last, response) = match self.follow(target, &range_headers).await {
            Err(error) if error.may_be_caused_by_range() => {
                return self
                    .whole(target)
                    .await
                    .map(|source| (source, 0))
                    .map_err(|again| again.or_status_of(error));
            }
            followed => followed?,
        };
        match (response.status().as_u16(), ContentRange::of(response.headers())) {
            (status, _) if has_file(status) => Ok((self.accept(last, response)?, 0)),
            (206, Some(range)) if range.total.is_some_and(|total| total <= wanted.last) => {
                Err(FetchError::TooShort)
            }
            (206, Some(range)) if range.first == wanted.first && range.last <= wanted.last => {
                Ok((self.accept_range(last, response, range)?, range.first))
            }
            (206 | 416, _) => Ok((self.whole(target).await?, 0)),
            (status, _) if may_fail_on_range(status) => {
                let error = refused_at(target, &last, &response);
                drop(response);
                let whole = self.whole(target).await.map_err(|again| again.or_status_of(error))?;
                Ok((whole, 0))
            }
            _ => Err(refused_at(target, &last, &response)),
        }
    }

    /// Requests a range of one version of a file, with `If-Range`. The response may have only the beginning of the range:
    /// [`Source::length`] is the number of its bytes.
    ///
    /// # Errors
    /// [`FetchError::Changed`] if the source has another version; [`FetchError::OtherFile`] if it sends a whole file that nothing
    /// shows to be one; [`FetchError::WrongRange`] if the response has other bytes than requested; otherwise the errors of
    /// [`get`](SafeClient::get).
    pub async fn range(
        &self,
        target: &Target,
        version: &Version,
        wanted: ByteRange,
    ) -> Result<Source, FetchError> {
        let header = |text: &str| HeaderValue::from_str(text).map_err(|_| FetchError::Changed);
        let range_headers = HeaderMap::from_iter([
            (RANGE, header(&wanted.header())?),
            (IF_RANGE, header(version.validator.as_str())?),
        ]);
        let (target, response) = self.follow(target, &range_headers).await?;
        match response.status().as_u16() {
            206 => {}
            412 | 416 => {
                let is_new = version.validator.is_of(response.headers()) == Some(false)
                    || ranges::total(response.headers()).is_some_and(|total| total != version.total);
                return Err(if is_new { FetchError::Changed } else { FetchError::WrongRange });
            }
            status if has_file(status) => {
                return Err(match version.validator.is_of(response.headers()) {
                    Some(true) => FetchError::WrongRange,
                    Some(false) => FetchError::Changed,
                    None => FetchError::OtherFile,
                });
            }
            _ => return Err(refused(&response)),
        }
        match version.validator.is_of(response.headers()) {
            Some(true) => {}
            Some(false) => return Err(FetchError::Changed),
            None if version.validator.is_optional() => {}
            None => return Err(FetchError::OtherFile),
        }
        let range = ContentRange::of(response.headers()).ok_or(FetchError::WrongRange)?;
        if range.total != Some(version.total) || range.first != wanted.first || range.last > wanted.last {
            return Err(FetchError::WrongRange);
        }
        self.accept_range(target, response, range)
    }

    /// Returns whether the host name of a URL resolves to an address that is not public. Returns `false` if it cannot be resolved
    /// or the operator allowed it.
    pub async fn resolves_to_private(&self, url: &SourceUrl) -> bool {
        let Some(url::Host::Domain(name)) = url.url().host() else { return false };
        if self.allowed.contains_name(name) {
            return false;
        }
        let lookup = self.names.clone().lookup(name.to_owned());
        let found = tokio::time::timeout(self.limits.connect_timeout, lookup).await;
        let addresses = found.ok().and_then(Result::ok).unwrap_or_default();
        addresses.into_iter().any(|address| address::refused(address).is_some())
    }

    /// Follows redirects up to the first other response. Each location is checked like a URL from a user.
    async fn follow(
        &self,
        target: &Target,
        range_headers: &HeaderMap,
    ) -> Result<(Target, Response), FetchError> {
        let Target { url, mut headers } = target.clone();
        // Checked again, because it may have been parsed with other allowed hosts than this client's.
        let mut url = SourceUrl::check(url.url().clone(), &self.allowed)?;
        let mut cookies = Cookies::default();
        for hop in 0..=self.limits.max_redirects {
            let place = |error: FetchError| match hop {
                0 => error,
                _ => FetchError::Redirected(Box::new(error)),
            };
            let own = headers.with_cookies(cookies.header(url.url()));
            let response = self.send(&url, &own, range_headers).await.map_err(place)?;
            match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => {
                    cookies.take(url.url(), response.headers());
                    let next = self.redirected(&url, response.headers());
                    let next = next.map_err(|error| match error {
                        FetchError::BadRedirect => place(error),
                        error => FetchError::Redirected(Box::new(error)),
                    })?;
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
        range_headers: &HeaderMap,
    ) -> Result<Response, FetchError> {
        let mut all = headers.map();
        all.extend(range_headers.clone());
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

    /// Accepts a 206 response if its body is as long as its `Content-Range`.
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

    /// Returns the URL of a redirect. Redirects from https to http are followed too: they lead to another origin, so that no
    /// secrets are sent, and the https response authenticates the redirect itself.
    fn redirected(&self, from: &SourceUrl, headers: &HeaderMap) -> Result<SourceUrl, FetchError> {
        let location = headers.get(LOCATION).ok_or(FetchError::BadRedirect)?;
        // Not to_str: sources send unescaped UTF-8, which the URL parser escapes, and other bytes, which must be sent back
        // unchanged.
        let location: String = location.as_bytes().utf8_chunks().fold(String::new(), |mut text, chunk| {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
            text
        });
        let url = from.url().join(location.trim()).map_err(|_| FetchError::BadRedirect)?;
        Ok(SourceUrl::check(url, &self.allowed)?)
    }
}

/// Returns whether the body is as long as the range, if its length is known.
fn has_length(response: &Response, range: ContentRange) -> bool {
    response.content_length().is_none_or(|length| length == range.length())
}

/// Returns whether a response with this status has the whole file. 202 announces one, 204 and 205 have no body, and 206 has a range
/// (RFC 9110, section 15.3).
fn has_file(status: u16) -> bool {
    matches!(status, 200..=299) && !matches!(status, 202 | 204..=206)
}

/// Returns whether sources are known to send this status for a request with `Range` although they accept it without.
fn may_fail_on_range(status: u16) -> bool {
    matches!(status, 400 | 403 | 405 | 406 | 412 | 500 | 501 | 502)
}

/// The time after which an idle connection of a transfer is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

fn build_http(http: ClientBuilder) -> Result<Client, FetchError> {
    http.build().map_err(|error| FetchError::Setup(describe(&error.without_url())))
}

/// Returns the error for a response without the file, marked if it came after a redirect.
fn refused_at(requested: &Target, last: &Target, response: &Response) -> FetchError {
    let error = refused(response);
    if requested.url.url() == last.url.url() { error } else { FetchError::Redirected(Box::new(error)) }
}

/// Returns the error for a response without the file.
fn refused(response: &Response) -> FetchError {
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    match wait.and_then(|wait| retry_after(wait, SystemTime::now())) {
        Some(retry_after) if matches!(status, 429 | 503) => FetchError::Busy { status, retry_after },
        _ => FetchError::Status(status),
    }
}
