use files_api::{ApiError, Cursor, Reason, malformed_parameter, query_parameters};
use files_domain::{Caller, DeliveryId, DeliveryStatus, limits};
use files_records::DeliveryFilter;
use lambda_http::Request;

/// The parsed query string of a list of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeliveriesQuery {
    pub(crate) filter: DeliveryFilter,
    pub(crate) limit: u32,
    pub(crate) after: Option<DeliveryId>,
}

impl DeliveriesQuery {
    /// Parses the query string of a request.
    ///
    /// # Errors
    /// [`Reason::MalformedId`], [`Reason::MalformedLimit`], [`Reason::MalformedParameter`], [`Reason::MalformedCursor`].
    pub(crate) fn read(request: &Request, caller: &Caller) -> Result<Self, ApiError> {
        let mut query = Self { filter: DeliveryFilter::default(), limit: limits::PAGE_LIMIT.1, after: None };
        let mut cursor = None;
        for (name, value) in query_parameters(request) {
            match name {
                "file" => {
                    let malformed = |_| ApiError::from(Reason::MalformedId).on_field("file", None);
                    query.filter.file = Some(value.parse().map_err(malformed)?);
                }
                "status" => query.filter.status = Some(read_status(value)?),
                "limit" => query.limit = read_limit(value)?,
                "cursor" => cursor = Some(value),
                _ => {}
            }
        }
        let read = |cursor| Cursor::read(cursor, caller.owner(), &query.shape());
        query.after = cursor.map(read).transpose()?;
        Ok(query)
    }

    /// Returns the filters as text. A cursor is valid only for the same text.
    pub(crate) fn shape(&self) -> String {
        let file = self.filter.file.map(|file| file.to_string()).unwrap_or_default();
        let status = self.filter.status.map_or("", DeliveryStatus::as_str);
        format!("deliveries&file={file}&status={status}")
    }
}

fn read_limit(text: &str) -> Result<u32, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=limits::PAGE_LIMIT.0).contains(limit));
    limit.ok_or_else(|| ApiError::from(Reason::MalformedLimit).on_field("limit", None))
}

fn read_status(text: &str) -> Result<DeliveryStatus, ApiError> {
    DeliveryStatus::ALL
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| malformed_parameter("status", "status must be one of pending, delivered, undelivered"))
}
