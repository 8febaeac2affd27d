//! `list_files`: the filters, alone and together.

use files_domain::{File, ListFilter, MediaType, PageOrder, Probed, Source, Status};

use crate::dynamodb::DynamoDb;
use crate::list::{first_page, page, walk};
use crate::owner::Owner;
use crate::samples::fail_file;
use crate::samples::{at, imported, media, object};

/// Creates eleven files of an owner, in all states, one every ten milliseconds.
async fn some_of_everything(owner: &Owner<'_>) -> Vec<File> {
    let mut moment = (0..).map(|number| at(number * 10));
    let mut now = || moment.next().expect("another moment");
    let mut files = vec![owner.upload(1, now()).await, owner.import(now()).await];
    for media_type in MediaType::ALL {
        files.push(owner.success(2, media_type, now()).await);
    }
    let unreadable = owner.upload(3, now()).await;
    let probed = Probed::Unreadable("not media".to_owned());
    let done = files_domain::ProbeDone::new(object(3), probed, now());
    owner.probe(unreadable.id, &done).await;
    let running = owner.import(now()).await;
    owner.claimed(running.id, now()).await;
    let done_import = owner.import(now()).await;
    owner.claimed(done_import.id, now()).await;
    let probed = media(MediaType::Video);
    owner.probe(done_import.id, &files_domain::ProbeDone::new(object(4), probed, now())).await;
    for file in [owner.import(now()).await, owner.upload(5, now()).await] {
        fail_file(owner.records(), owner.id(), file.id, "no", now()).await.expect("failed");
        files.push(file);
    }
    files.extend([unreadable, running, done_import]);
    let mut now_written = Vec::new();
    for file in files {
        now_written.push(owner.record(file.id).await.expect("a record"));
    }
    now_written.sort_by_key(|file| file.id);
    now_written
}

fn with_none<T: Copy>(all: &[T]) -> Vec<Option<T>> {
    std::iter::once(None).chain(all.iter().copied().map(Some)).collect()
}

#[tokio::test]
async fn filters_work_alone_and_in_pairs() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let files = some_of_everything(&press).await;
    let (third, last) = (files[2].created_at(), files[files.len() - 1].created_at());
    let dates = [(None, None), (Some(third), None), (Some(third), Some(last))];
    let mut shown = 0;
    for status in with_none(&Status::ALL) {
        for source in with_none(&Source::ALL) {
            for media_type in with_none(&MediaType::ALL) {
                for (number, (created_after, created_before)) in dates.into_iter().enumerate() {
                    let filter = ListFilter { status, source, media_type, created_after, created_before };
                    let mut expected: Vec<File> = files.clone();
                    expected.retain(|file| filter.shows(file));
                    let mut order = PageOrder::Ascending;
                    if number % 2 == 1 {
                        order = PageOrder::Descending;
                        expected.reverse();
                    }
                    assert_eq!(walk(&press, first_page(4, order, filter), 12).await, expected, "{filter:?}");
                    shown += expected.len();
                }
            }
        }
    }
    assert!(shown > 100, "number of filters with a result: {shown}");
}

#[tokio::test]
async fn dates_are_exclusive_to_the_millisecond() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(1, at(5)).await;
    for (after, before, is_shown) in [
        (Some(4), Some(6), true),
        (Some(5), None, false),
        (None, Some(5), false),
        (Some(5), Some(6), false),
        (Some(6), Some(4), false),
        (Some(5), Some(5), false),
        (None, Some(6), true),
        (Some(4), None, true),
    ] {
        for status in [None, Some(Status::Pending)] {
            let (created_after, created_before) = (after.map(at), before.map(at));
            let filter = ListFilter { status, created_after, created_before, ..ListFilter::default() };
            let found = walk(&press, first_page(3, PageOrder::Descending, filter), 3).await;
            let expected = if is_shown { vec![file.clone()] } else { vec![] };
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_file_moves_between_filters_with_its_status() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    assert_shown_as(&press, &file, Status::Pending, None).await;
    press.claimed(file.id, at(1)).await;
    assert_shown_as(&press, &file, Status::Running, None).await;
    press
        .records()
        .change_file(press.id(), file.id, |file| file.imported(imported(7), at(2)))
        .await
        .expect("saved");
    assert_shown_as(&press, &file, Status::Running, None).await;
    press.probe(file.id, &crate::samples::video(7, at(3))).await;
    assert_shown_as(&press, &file, Status::Success, Some(MediaType::Video)).await;
    let (seen, _) = press.records().get_file(press.id(), file.id).await.expect("a record");
    press.remove(&seen, at(4)).await.expect("removed");
    for filter in every_single() {
        assert_eq!(walk(&press, first_page(3, PageOrder::Descending, filter), 3).await, [], "{filter:?}");
    }
}

fn every_single() -> Vec<ListFilter> {
    let statuses = Status::ALL.map(|status| ListFilter { status: Some(status), ..ListFilter::default() });
    let types = MediaType::ALL.map(|it| ListFilter { media_type: Some(it), ..ListFilter::default() });
    statuses.into_iter().chain(types).collect()
}

async fn assert_shown_as(owner: &Owner<'_>, file: &File, status: Status, media_type: Option<MediaType>) {
    for filter in every_single() {
        let is_shown =
            filter.status == Some(status) || (filter.media_type.is_some() && filter.media_type == media_type);
        let found = walk(owner, first_page(3, PageOrder::Descending, filter), 3).await;
        let found: Vec<_> = found.iter().map(|file| file.id).collect();
        assert_eq!(found, if is_shown { vec![file.id] } else { vec![] }, "{filter:?}");
    }
}

/// Checks the purpose of the sparse indexes: a page is full of matching files, regardless of other files.
#[tokio::test]
async fn a_page_of_an_index_is_full() {
    let store = DynamoDb::start().await;
    let press = Owner::new(&store, "press").await;
    for number in 0..40 {
        let media_type = if number % 20 == 0 { MediaType::Audio } else { MediaType::Video };
        let file = press.success(1, media_type, at(number * 2)).await;
        if number % 20 == 10 {
            let waiting = press.upload(1, at(number * 2 + 1)).await;
            assert_ne!(waiting.id, file.id);
        }
    }
    let pending = ListFilter { status: Some(Status::Pending), ..ListFilter::default() };
    let audio = ListFilter { media_type: Some(MediaType::Audio), ..ListFilter::default() };
    for filter in [pending, audio] {
        let found = page(&press, first_page(2, PageOrder::Descending, filter)).await;
        assert_eq!(found.files.len(), 2, "{filter:?}");
    }
}
