//! The HTTP layer of the API: routes, authentication, requests, and the wire format of files and errors.

mod audit;
mod auth;
mod base_url;
mod conditional;
mod create;
mod cursor;
mod download;
mod error;
mod exceeded;
mod expiry;
mod form;
mod full_probe;
mod json_object;
mod multipart;
mod params;
mod preview;
mod reason;
mod request_hash;
mod respond;
mod results;
mod routes;
mod service;
mod update;
mod upload;
mod upload_token;
mod usage;
mod webhook;
mod wire;

pub use audit::{audit_file, audit_upload_token};
pub use auth::{authenticate, authenticate_uploader};
pub use base_url::BaseUrl;
pub use conditional::{check_if_match, etag, is_fresh, with_etag};
pub use create::{CreateRequest, CreateSource, Lifetime};
pub use cursor::Cursor;
pub use download::{UrlQuery, malformed_parameter};
pub use error::{ApiError, ApiResult, FieldError};
pub use form::FilePart;
pub use full_probe::full_probe;
pub use json_object::JsonObject;
pub use params::{
    file_id, file_name, header, json_object, query_parameter, query_parameters, upload_token_id,
};
pub use preview::PreviewRequest;
pub use reason::Reason;
pub use respond::{no_content, respond};
pub use results::{ItemResult, ResultsBody};
pub use routes::{ROUTES, Route, allowed_methods};
pub use service::{Endpoint, handle_event, serve};
pub use update::file_change;
pub use upload::{awaited_parts, awaits_put};
pub use upload_token::upload_token;
pub use usage::UsageBody;
pub use webhook::{
    DeliveriesBody, DeliveryBody, EndpointBody, EndpointRequest, EndpointsBody, EventBody,
    check_webhook_length, delivery_id, endpoint_id,
};
pub use wire::{
    FileBody, ListBody, PartBody, PartsBody, Probe, SignedPart, SignedPartsBody, UploadBody, UploadMethod,
    UploadTokenBody,
};
