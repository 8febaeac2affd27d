//! Builds the event for the function that a request's route names.

use std::net::SocketAddr;

use anyhow::Result;
use axum::body::Bytes;
use axum::http::request::Parts;

use super::problem::Problem;
use super::routes::Routes;
use super::{event, path};
use crate::template::Function;

/// Maximum of the request line and all headers in bytes.
const MAX_HEADER_BYTES: usize = 10_240;

/// Routes requests to a template's functions, and builds their events. Needs no running function, so a test can call a handler
/// in its own process with the event that API Gateway would send.
pub struct Router {
    routes: Routes,
    authority: String,
}

/// A request with its function.
#[derive(Debug)]
pub struct Routed {
    /// The function: the name of its binary.
    pub function: String,
    /// The event: payload format 2.0 as JSON.
    pub event: String,
}

impl Router {
    /// Reads the functions' routes. `authority` (`127.0.0.1:8787`) becomes `requestContext.domainName`.
    ///
    /// # Errors
    /// Two functions have the same route.
    pub fn new(functions: &[Function], authority: &str) -> Result<Self> {
        Ok(Self { routes: Routes::new(functions)?, authority: authority.to_owned() })
    }

    /// Returns host and port of the API.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Routes a request with its whole body.
    ///
    /// # Errors
    /// The gateway's own error: the headers are too large, the path is malformed, or no route matches.
    pub fn route(
        &self,
        parts: &Parts,
        body: Bytes,
        client: SocketAddr,
        request_id: &str,
    ) -> Result<Routed, Problem> {
        let path = self.check(parts)?;
        self.route_checked(&path, parts, body, client, request_id)
    }

    /// Makes the checks that do not need the body. Returns the decoded path.
    pub(super) fn check(&self, parts: &Parts) -> Result<String, Problem> {
        if event::header_bytes(parts) > MAX_HEADER_BYTES {
            return Err(Problem::HeadersTooLarge);
        }
        if !event::has_host(parts) {
            return Err(Problem::BadRequest);
        }
        path::decode(parts.uri.path()).ok_or(Problem::BadRequest)
    }

    /// Finds the route of a checked request, and builds the event.
    pub(super) fn route_checked(
        &self,
        path: &str,
        parts: &Parts,
        body: Bytes,
        client: SocketAddr,
        request_id: &str,
    ) -> Result<Routed, Problem> {
        let found = self.routes.find(parts.method.as_str(), path).ok_or(Problem::NotFound)?;
        let authority = &self.authority;
        let around = event::Surroundings { authority, client, request_id, path, found: &found };
        let event = event::build(parts, body, &around);
        Ok(Routed { function: found.function, event })
    }
}
