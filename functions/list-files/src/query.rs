use files_api::{ApiError, Cursor, Reason, query_parameters};
use files_domain::{FileId, OwnerId, PageOrder, PageRequest, limits};
use lambda_http::Request;

/// What a list request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListQuery {
    limit: u32,
    order: PageOrder,
    after: Option<FileId>,
}

impl ListQuery {
    /// Reads the query of a request of `owner`. A parameter that would silently be ignored is refused: a client that
    /// filters must not get everything.
    pub(crate) fn read(request: &Request, owner: OwnerId) -> Result<Self, ApiError> {
        let mut query = Self { limit: limits::PAGE_LIMIT.1, order: PageOrder::default(), after: None };
        let mut cursor = None;
        for (name, value) in query_parameters(request) {
            match name.as_ref() {
                "limit" => query.limit = read_limit(&value)?,
                "order" => query.order = read_order(&value)?,
                "cursor" => cursor = Some(value.into_owned()),
                "status" | "source" | "type" | "created_after" | "created_before" => {
                    return Err(ApiError::from(Reason::NotAvailable).on_field(&name, None));
                }
                _ => {}
            }
        }
        query.after = cursor.map(|cursor| Cursor::read(&cursor, owner, &query.shape())).transpose()?;
        Ok(query)
    }

    pub(crate) fn page(&self) -> PageRequest {
        PageRequest { limit: self.limit, order: self.order, after: self.after }
    }

    /// What a cursor is bound to, beside its owner.
    pub(crate) fn shape(&self) -> String {
        format!("order={}", self.order_name())
    }

    /// The query of the next page.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        format!("limit={}&order={}&cursor={cursor}", self.limit, self.order_name())
    }

    fn order_name(&self) -> &'static str {
        match self.order {
            PageOrder::Descending => "desc",
            PageOrder::Ascending => "asc",
        }
    }
}

fn read_limit(text: &str) -> Result<u32, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=limits::PAGE_LIMIT.0).contains(limit));
    limit.ok_or_else(|| ApiError::from(Reason::MalformedLimit).on_field("limit", None))
}

fn read_order(text: &str) -> Result<PageOrder, ApiError> {
    match text {
        "desc" => Ok(PageOrder::Descending),
        "asc" => Ok(PageOrder::Ascending),
        _ => {
            let message = "order must be asc or desc".to_owned();
            Err(ApiError::from(Reason::MalformedParameter).on_field("order", Some(message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;
    use lambda_http::http;

    fn read(query: &str) -> Result<ListQuery, Reason> {
        let request = http::Request::builder().uri(format!("/v1/files?{query}")).body(Body::Empty).unwrap();
        ListQuery::read(&request, OwnerId::named("press")).map_err(|error| error.reason())
    }

    #[test]
    fn limits_are_exact_and_the_usual_one_is_fifty() {
        assert_eq!(read("").unwrap().limit, 50);
        assert_eq!(read("limit=1").unwrap().limit, 1);
        assert_eq!(read("limit=500").unwrap().limit, 500);
        for wrong in ["limit=0", "limit=501", "limit=-1", "limit=x", "limit="] {
            assert_eq!(read(wrong), Err(Reason::MalformedLimit), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        assert_eq!(read("order=up"), Err(Reason::MalformedParameter));
        assert_eq!(read("cursor=x"), Err(Reason::MalformedCursor));
        assert_eq!(read("status=failed"), Err(Reason::NotAvailable));
        assert!(read("unknown=1").is_ok());
    }
}
