//! `list_files`: order, pages, keys, and walks while files come and go.

use files_domain::{
    File, FileId, ListFilter, MediaType, Page, PageOrder, PageRequest, Scope, Status, Timestamp,
};
use files_records::RecordsError;

use crate::dynamodb::DynamoDb;
use crate::owner::Owner;
use crate::samples::{at, far_future};

/// Returns one page of a filtered list.
pub(crate) async fn page(owner: &Owner<'_>, request: PageRequest) -> Page {
    let caller = owner.caller(Scope::Read, at(60_000));
    let page = owner.client().list_files(&caller, request).await.expect("a page");
    assert!(page.files.len() <= request.limit as usize, "more than {}", request.limit);
    page
}

pub(crate) fn first_page(limit: u32, order: PageOrder, filter: ListFilter) -> PageRequest {
    PageRequest { limit, order, filter, after: None }
}

/// Returns the files of all pages, one after the other, of at most `most` files.
pub(crate) async fn walk(owner: &Owner<'_>, first: PageRequest, most: u32) -> Vec<File> {
    let (mut files, mut request) = (Vec::new(), first);
    for _ in 0..=most / first.limit + 1 {
        let page = page(owner, request).await;
        files.extend(page.files);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return files,
        }
    }
    panic!("the walk does not end");
}

#[tokio::test]
async fn files_are_listed_newest_or_oldest_first() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mut files = Vec::new();
    for millis in [5, 1, 9, 3] {
        files.push(press.upload(millis, at(millis)).await);
    }
    files.sort_by_key(|file| file.id);
    let everything = ListFilter::default();
    let oldest_first = page(&press, first_page(10, PageOrder::Ascending, everything)).await;
    assert_eq!(oldest_first, Page { files: files.clone(), next: None });
    files.reverse();
    let newest_first = page(&press, first_page(10, PageOrder::Descending, everything)).await;
    assert_eq!(newest_first, Page { files, next: None });
}

#[tokio::test]
async fn pages_follow_one_another_whatever_their_size() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mut files = Vec::new();
    for millis in 0..9 {
        files.push(press.upload(1, at(millis)).await);
    }
    for limit in [1, 2, 4, 8, 9, 10, 500] {
        let walked = walk(&press, first_page(limit, PageOrder::Ascending, ListFilter::default()), 9).await;
        assert_eq!(walked, files, "{limit}");
        let first = page(&press, first_page(limit, PageOrder::Ascending, ListFilter::default())).await;
        assert_eq!(first.files.len(), 9.min(limit as usize), "a page without a filter is full");
    }
}

#[tokio::test]
async fn an_owner_without_files_has_an_empty_list() {
    let store = &DynamoDb::start().await;
    let (press, radio) = (Owner::new(store, "press").await, Owner::new(store, "radio").await);
    let theirs = radio.upload(7, at(0)).await;
    let empty = Page { files: Vec::new(), next: None };
    for status in [None, Some(Status::Pending), Some(Status::Success)] {
        let filter = ListFilter { status, ..ListFilter::default() };
        let first = first_page(5, PageOrder::Descending, filter);
        assert_eq!(page(&press, first).await, empty);
        // A cursor from another owner's list gives no access.
        assert_eq!(page(&press, PageRequest { after: Some(FileId::new(at(9))), ..first }).await, empty);
        assert_eq!(page(&press, PageRequest { after: Some(theirs.id), ..first }).await, empty);
    }
}

#[tokio::test]
async fn an_expired_file_is_not_listed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.expiring(7, at(0), at(1000)).await;
    for (now, shown) in [(999, vec![file]), (1000, vec![])] {
        let caller = press.caller(Scope::Read, at(now));
        let request = first_page(5, PageOrder::Descending, ListFilter::default());
        assert_eq!(press.client().list_files(&caller, request).await.expect("a page").files, shown);
    }
}

#[tokio::test]
async fn with_an_invalid_key_nothing_is_listed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    press.upload(7, at(0)).await;
    for (caller, problem) in press.bad("press", Scope::Read, at(60_000)).await {
        let request = first_page(5, PageOrder::Descending, ListFilter::default());
        let listed = press.client().list_files(&caller, request).await;
        assert_refused!(listed, RecordsError::Key(found) if *found == problem);
    }
}

/// Between two pages the last file of the page, one before it and one after it are deleted, and new ones appear on both sides.
/// Covers every list: the table itself and both indexes.
#[tokio::test]
async fn a_walk_sees_every_unchanged_file_once() {
    let store = &DynamoDb::start().await;
    let pending = ListFilter { status: Some(Status::Pending), ..ListFilter::default() };
    let video = ListFilter { media_type: Some(MediaType::Video), ..ListFilter::default() };
    let all = [(ListFilter::default(), "all"), (pending, "pending"), (video, "video")];
    for order in [PageOrder::Ascending, PageOrder::Descending] {
        for (filter, name) in all {
            let owner = Owner::new(store, &format!("{name} {order:?}")).await;
            walk_while_files_come_and_go(&owner, filter, order).await;
        }
    }
}

async fn walk_while_files_come_and_go(owner: &Owner<'_>, filter: ListFilter, order: PageOrder) {
    let make = async |now: Timestamp| match filter.media_type {
        Some(media_type) => owner.success(1, media_type, now).await,
        None => owner.upload(1, now).await,
    };
    let mut there = Vec::new();
    for number in 0..24 {
        there.push(make(at(1000 + number * 10)).await);
    }
    let (mut walked, mut removed) = (Vec::new(), Vec::new());
    let mut request = first_page(4, order, filter);
    for round in 0..24 {
        let page = page(owner, request).await;
        walked.extend(page.files.into_iter().map(|file| file.id));
        let Some(last) = page.next else { break };
        request.after = Some(last);
        let here = there.iter().position(|file| file.id == last);
        let gone = here.map_or(vec![], |here| vec![here.checked_sub(3), Some(here), Some(here + 2)]);
        for file in gone.into_iter().flatten().filter_map(|index| there.get(index)) {
            if !removed.contains(&file.id) {
                owner.remove(file, at(2000)).await.expect("removed");
                removed.push(file.id);
            }
        }
        for beside in [995 - round, 1500 + round] {
            make(at(beside)).await;
        }
        make(last.created_at()).await;
    }
    assert!(removed.len() >= 5, "{removed:?}");
    let mut in_order = walked.clone();
    in_order.sort();
    if order == PageOrder::Descending {
        in_order.reverse();
    }
    assert_eq!(walked, in_order);
    in_order.dedup();
    assert_eq!(walked.len(), in_order.len(), "each once");
    for file in there.iter().filter(|file| !removed.contains(&file.id)) {
        assert!(walked.contains(&file.id), "{} existed throughout", file.id);
    }
    assert!(owner.due(far_future()).await.len() >= removed.len());
}
