use std::fmt::Display;

use files_api::{ApiError, Cursor, Reason, malformed_parameter, query_parameters};
use files_domain::{
    Caller, FileId, ListFilter, MediaType, PageOrder, PageRequest, Source, Status, Timestamp, limits,
};
use lambda_http::Request;

/// The parsed query string of a list request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListQuery {
    limit: u32,
    order: PageOrder,
    filter: ListFilter,
    after: Option<FileId>,
}

impl ListQuery {
    /// Parses the query string of a request.
    ///
    /// # Errors
    /// [`Reason::MalformedLimit`], [`Reason::MalformedParameter`] for an invalid filter, order or page number, and
    /// [`Reason::MalformedCursor`] for a cursor of another owner or query.
    pub(crate) fn read(request: &Request, caller: &Caller) -> Result<Self, ApiError> {
        let mut query = Self {
            limit: limits::PAGE_LIMIT.1,
            order: PageOrder::default(),
            filter: ListFilter::default(),
            after: None,
        };
        let mut cursor = None;
        for (name, value) in query_parameters(request) {
            let filter = &mut query.filter;
            match name {
                "limit" => query.limit = read_limit(value)?,
                "order" => query.order = read_order(value)?,
                "status" => filter.status = Some(one_of("status", value, Status::ALL)?),
                "source" => filter.source = Some(one_of("source", value, Source::ALL)?),
                "type" => filter.media_type = Some(one_of("type", value, MediaType::ALL)?),
                "created_after" => filter.created_after = Some(read_moment("created_after", value)?),
                "created_before" => filter.created_before = Some(read_moment("created_before", value)?),
                "cursor" => cursor = Some(value),
                "page" | "offset" => return Err(no_page_numbers(name)),
                _ => {}
            }
        }
        query.after =
            cursor.map(|cursor| Cursor::read(cursor, caller.owner(), &query.shape())).transpose()?;
        Ok(query)
    }

    pub(crate) fn page(&self) -> PageRequest {
        PageRequest { limit: self.limit, order: self.order, filter: self.filter, after: self.after }
    }

    /// Returns the order and the filters as a query string. A cursor is valid only for the same string.
    pub(crate) fn shape(&self) -> String {
        let ListFilter { status, source, media_type, created_after, created_before } = self.filter;
        let order = match self.order {
            PageOrder::Descending => "desc",
            PageOrder::Ascending => "asc",
        };
        let parts = [
            Some(format!("order={order}")),
            part("status", status),
            part("source", source),
            part("type", media_type),
            part("created_after", created_after),
            part("created_before", created_before),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("&")
    }

    /// Returns the query string of the next page.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        format!("limit={}&{}&cursor={cursor}", self.limit, self.shape())
    }
}

fn part(name: &str, value: Option<impl Display>) -> Option<String> {
    value.map(|value| format!("{name}={value}"))
}

fn read_limit(text: &str) -> Result<u32, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=limits::PAGE_LIMIT.0).contains(limit));
    limit.ok_or_else(|| ApiError::from(Reason::MalformedLimit).on_field("limit", None))
}

fn read_order(text: &str) -> Result<PageOrder, ApiError> {
    match text {
        "desc" => Ok(PageOrder::Descending),
        "asc" => Ok(PageOrder::Ascending),
        _ => Err(malformed_parameter("order", "order must be asc or desc")),
    }
}

fn read_moment(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    Timestamp::parse_query(text).ok_or_else(|| {
        let example = "2026-01-02T03:04:05Z (write the plus sign of an offset as %2B)";
        malformed_parameter(name, &format!("{name} must be a date and time such as {example}"))
    })
}

/// Returns the error for page numbers. Pages begin after the last file of the previous page, so that none is missed while files
/// are added.
fn no_page_numbers(name: &str) -> ApiError {
    let message = format!("{name} is not supported: pass the next_cursor of the page before as cursor");
    malformed_parameter(name, &message)
}

fn one_of<T: Display + Copy, const N: usize>(name: &str, text: &str, all: [T; N]) -> Result<T, ApiError> {
    all.into_iter().find(|value| value.to_string() == text).ok_or_else(|| {
        let expected = all.map(|value| value.to_string()).join(", ");
        malformed_parameter(name, &format!("{name} must be one of {expected}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use files_domain::{ApiKey, OwnerId, Scope};
    use lambda_http::{Body, RequestExt};

    fn read(query: &str) -> Result<ListQuery, Reason> {
        let parameters: HashMap<String, Vec<String>> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), vec![value.into_owned()]))
            .collect();
        let request = Request::new(Body::Empty).with_query_string_parameters(parameters);
        let key = ApiKey::generate(OwnerId::named("press")).unwrap();
        let caller = Caller { principal: key.into(), scope: Scope::Read, now: Timestamp::from_millis(0) };
        ListQuery::read(&request, &caller).map_err(|error| error.reason())
    }

    #[test]
    fn the_limit_is_1_to_500_and_50_by_default() {
        assert_eq!(read("").unwrap().limit, 50);
        assert_eq!(read("limit=1").unwrap().limit, 1);
        assert_eq!(read("limit=500").unwrap().limit, 500);
        for wrong in ["limit=0", "limit=501", "limit=-1", "limit=x", "limit="] {
            assert_eq!(read(wrong), Err(Reason::MalformedLimit), "{wrong}");
        }
    }

    #[test]
    fn filters_are_parsed_and_invalid_ones_refused() {
        let query = "status=failed&source=url&type=video&created_after=2026-01-02T03:04:05Z&order=asc";
        let filter = read(query).unwrap().filter;
        assert_eq!((filter.status, filter.source), (Some(Status::Failed), Some(Source::Url)));
        assert_eq!((filter.media_type, filter.created_before), (Some(MediaType::Video), None));
        for wrong in [
            "order=up",
            "status=done",
            "source=",
            "type=Video",
            "created_after=yesterday",
            "created_before=1",
            "page=2",
            "offset=50",
        ] {
            assert_eq!(read(wrong), Err(Reason::MalformedParameter), "{wrong}");
        }
        assert_eq!(read("cursor=x"), Err(Reason::MalformedCursor));
        assert!(read("unknown=1").is_ok());
    }

    #[test]
    fn a_cursor_is_bound_to_the_filters() {
        let owner = OwnerId::named("press");
        let id = FileId::new(Timestamp::from_millis(1_767_323_045_678));
        let first = read("limit=7&status=failed&created_before=2026-01-02T03:04:05.678%2B01:00").unwrap();
        let next = first.with_cursor(&Cursor::after(id, owner, &first.shape()));
        assert_eq!(read(&next), Ok(ListQuery { after: Some(id), ..first }));
        assert_eq!(read(&next.replace("failed", "running")), Err(Reason::MalformedCursor));
    }
}
