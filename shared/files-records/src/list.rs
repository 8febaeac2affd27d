//! Lists files. Each page is one query of the table or of a sparse index, whichever has the fewest other files.
//!
//! Most files are `success`, so the table itself serves their list; the index by status has all others. Filters without an index
//! are applied to the page after it is read.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{Caller, FileId, ListFilter, OwnerId, Page, PageOrder, PageRequest, Timestamp};

use crate::attribute::{Item, text};
use crate::error::{corrupt, unavailable};
use crate::item::file_from_item;
use crate::keys::{FILE_PREFIX, file_sk, owner_pk, primary_key, status_partition, type_partition};
use crate::{ClientRecords, Records, RecordsError};

/// The table or index that a list is read from.
struct QueryTarget {
    index: Option<&'static str>,
    attribute: &'static str,
    partition: String,
}

impl QueryTarget {
    fn for_filter(owner: OwnerId, filter: &ListFilter) -> Self {
        if let Some(partition) = filter.status.and_then(|status| status_partition(owner, status)) {
            return Self { index: Some("status"), attribute: "owner_status", partition };
        }
        if let Some(media_type) = filter.media_type {
            return Self {
                index: Some("type"),
                attribute: "owner_type",
                partition: type_partition(owner, media_type),
            };
        }
        Self { index: None, attribute: "pk", partition: owner_pk(owner) }
    }

    /// Returns the key of a file in the table or index.
    fn start_after(&self, owner: OwnerId, id: FileId) -> Item {
        let mut key = primary_key(owner_pk(owner), file_sk(id));
        key.insert(self.attribute.to_owned(), text(&self.partition));
        key
    }
}

/// Returns the range of sort keys of files created in the requested time; `None` if it is empty.
fn sort_keys(filter: &ListFilter) -> Option<RangeInclusive<String>> {
    let next = |moment: Timestamp| Timestamp::from_millis(moment.millis() + 1);
    let first = filter.created_after.map_or(String::new(), |after| FileId::bound(next(after)));
    let last = filter.created_before.map_or("g".to_owned(), FileId::bound); // greater than any hex digit
    (first <= last).then(|| format!("{FILE_PREFIX}{first}")..=format!("{FILE_PREFIX}{last}"))
}

/// Narrows the range to the files after the previous page. The exclusive start key alone has the same result, but the local engine
/// would read all earlier files.
fn narrowed(keys: RangeInclusive<String>, page: &PageRequest) -> RangeInclusive<String> {
    let (first, last) = keys.into_inner();
    match (page.after.map(file_sk), page.order) {
        (None, _) => first..=last,
        (Some(after), PageOrder::Ascending) => first.max(after)..=last,
        (Some(after), PageOrder::Descending) => first..=last.min(after),
    }
}

impl ClientRecords {
    /// Reads one page of the caller's files by one query of at most `limit` items, after checking the key.
    ///
    /// # Errors
    /// [`RecordsError::Key`], [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn list_files(&self, caller: &Caller, page: PageRequest) -> Result<Page, RecordsError> {
        // The key first: an invalid key must not cost a query of the owner that it names.
        self.keys().check(caller).await?;
        let mut found = self.unchecked().query_page(caller.owner(), page).await?;
        found.files.retain(|file| page.filter.shows(file) && !file.has_expired(caller.now));
        Ok(found)
    }
}

impl Records {
    async fn query_page(&self, owner: OwnerId, page: PageRequest) -> Result<Page, RecordsError> {
        let Some(sort_keys) = sort_keys(&page.filter) else {
            return Ok(Page { files: Vec::new(), next: None });
        };
        let sort_keys = narrowed(sort_keys, &page);
        let walk = QueryTarget::for_filter(owner, &page.filter);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(walk.index.map(str::to_owned))
            .key_condition_expression("#partition = :partition AND sk BETWEEN :first AND :last")
            .expression_attribute_names("#partition", walk.attribute)
            .expression_attribute_values(":partition", text(&walk.partition))
            .expression_attribute_values(":first", text(sort_keys.start()))
            .expression_attribute_values(":last", text(sort_keys.end()))
            .scan_index_forward(page.order == PageOrder::Ascending)
            .limit(i32::try_from(page.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(page.after.map(|id| walk.start_after(owner, id)));
        let output = query.send().await.map_err(unavailable)?;
        let files =
            output.items.unwrap_or_default().into_iter().map(file_from_item).collect::<Result<_, _>>()?;
        let next = output.last_evaluated_key.map(|key| last_read(&key)).transpose()?;
        Ok(Page { files, next })
    }
}

fn last_read(key: &Item) -> Result<FileId, RecordsError> {
    let sk = key.get("sk").and_then(|sk: &AttributeValue| sk.as_s().ok());
    let id = sk.and_then(|sk| sk.strip_prefix(FILE_PREFIX)?.parse().ok());
    id.ok_or_else(|| corrupt("a page that does not end at a file"))
}

#[cfg(test)]
mod tests {
    use files_domain::{MediaType, Status};

    use super::*;

    #[test]
    fn a_list_is_read_from_the_most_selective_index() {
        let owner = OwnerId::named("press");
        let index = |status, media_type| {
            QueryTarget::for_filter(owner, &ListFilter { status, media_type, ..ListFilter::default() }).index
        };
        assert_eq!(index(None, None), None);
        assert_eq!(index(Some(Status::Success), None), None);
        assert_eq!(index(Some(Status::Failed), None), Some("status"));
        assert_eq!(index(Some(Status::Failed), Some(MediaType::Video)), Some("status"));
        assert_eq!(index(Some(Status::Success), Some(MediaType::Video)), Some("type"));
    }

    #[test]
    fn a_time_range_that_ends_before_it_begins_is_empty() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        let keys = |created_after, created_before| {
            sort_keys(&ListFilter { created_after, created_before, ..ListFilter::default() })
        };
        assert!(keys(at(5), at(4)).is_none());
        assert!(keys(None, None).is_some());
        assert!(keys(at(4), at(6)).is_some());
    }
}
