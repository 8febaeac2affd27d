use std::time::Duration;

use super::*;
use crate::{EarlierNames, FileId, NewFile, OwnerId, PartPlan, spelling};

const NOW: u64 = 1_767_323_045_678;
const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(NOW).plus(Duration::from_secs(seconds))
}

fn new_file(expires_at: Option<Timestamp>) -> NewFile {
    let name = FileName::clean("clip.mp4").unwrap();
    NewFile { name, size: Some(20), content_type: None, announced_sha256: None, expires_at }
}

fn awaiting_upload(expires_at: Option<Timestamp>) -> File {
    new_file(expires_at).awaiting_upload(OwnerId::named("press"), FileId::new(at(0)), at(0))
}

fn awaiting_parts(expires_at: Option<Timestamp>) -> File {
    let plan = PartPlan::recorded(20, 10);
    new_file(expires_at).awaiting_parts(plan, OwnerId::named("press"), FileId::new(at(0)), at(0))
}

fn name(text: &str) -> FileChange {
    FileChange { name: FileName::clean(text), ..FileChange::default() }
}

fn expiry(expiry: Expiry) -> FileChange {
    FileChange { expiry: Some(expiry), ..FileChange::default() }
}

fn due(file: &File) -> Option<Timestamp> {
    file.deadline.map(|deadline| deadline.at)
}

#[test]
fn earlier_names_are_accepted_in_any_spelling_and_the_oldest_is_removed_first() {
    let named = |file: &File, text: &str| file.is_named(&[spelling(text)]);
    let mut file = awaiting_upload(None);
    file = file.changed(&name("zw\u{f6}lf 50%25.mp4"), at(1)).unwrap();
    file = file.changed(&name("third.mp4"), at(2)).unwrap();
    for text in ["clip.mp4", "zwo\u{308}lf%2050%2525.mp4", "third.mp4"] {
        assert!(named(&file, text), "{text}");
    }
    assert!(!named(&file, "fourth.mp4"));
    assert_eq!((file.name.as_str(), file.updated_at), ("third.mp4", at(2)));

    file = file.changed(&name("clip.mp4"), at(3)).unwrap();
    assert_eq!(file.earlier_names.len(), 2, "the current name is not an earlier one");
    for number in 0..EarlierNames::MAX {
        file = file.changed(&name(&format!("{number}.mp4")), at(4)).unwrap();
    }
    assert_eq!(file.earlier_names.len(), EarlierNames::MAX);
    assert!(named(&file, "clip.mp4") && !named(&file, "third.mp4"));
}

#[test]
fn a_change_to_the_same_values_is_no_change() {
    let file = awaiting_upload(Some(at(60)));
    assert_eq!(file.changed(&FileChange::default(), at(1)), None);
    assert_eq!(file.changed(&name("clip.mp4"), at(1)), None);
    assert_eq!(file.changed(&expiry(Expiry::At(at(60))), at(1)), None);
    let metadata = FileChange { metadata: Some(Metadata::default()), ..FileChange::default() };
    assert!(!metadata.is_empty());
    assert_eq!(metadata.new_metadata(&Detail::default()), None);
}

#[test]
fn a_renamed_import_keeps_its_new_name() {
    let now = at(0);
    let import = new_file(None).awaiting_import(true, OwnerId::named("press"), FileId::new(now), now);
    let file = File::from(import).changed(&name("mine.mp4"), at(1)).unwrap();
    assert!(!file.import().unwrap().name_from_source);
    let same = File { name: FileName::clean("mine.mp4").unwrap(), ..file.clone() };
    assert_eq!(same.changed(&name("mine.mp4"), at(2)), None);
}

#[test]
fn an_expiry_shortens_the_deadline_and_its_removal_restores_it() {
    let whole = at(0).plus(limits::UPLOAD_WINDOW);
    let file = awaiting_upload(None);
    let short = file.changed(&expiry(Expiry::At(at(60))), at(1)).unwrap();
    assert_eq!((due(&short), short.expires_at), (Some(at(60)), Some(at(60))));
    let longer = short.changed(&expiry(Expiry::At(at(90))), at(1)).unwrap();
    assert_eq!(due(&longer), Some(at(90)));
    let never = longer.changed(&expiry(Expiry::Never), at(2)).unwrap();
    assert_eq!((due(&never), never.expires_at), (Some(whole), None));
    let far = file.changed(&expiry(Expiry::At(whole.plus(MINUTE))), at(1)).unwrap();
    assert_eq!(due(&far), Some(whole), "the upload window ends before the file expires");
    let near = far.changed(&expiry(Expiry::At(at(60))), at(2)).unwrap();
    assert_eq!(due(&near), Some(at(60)));
}

#[test]
fn removing_the_expiry_does_not_fail_an_upload_that_takes_days() {
    let days = 3 * 24 * 3600;
    let file = awaiting_parts(Some(at(days)));
    let mut asked = file;
    for day in 0..=2 {
        asked = asked.clone().parts_signed(Some("u1"), at(day * 23 * 3600)).unwrap_or(asked);
    }
    let later = at(2 * 24 * 3600);
    let short = asked.changed(&expiry(Expiry::At(later.plus(MINUTE))), later).unwrap();
    assert_eq!(due(&short), Some(later.plus(MINUTE)));
    let never = short.changed(&expiry(Expiry::Never), later).unwrap();
    assert_eq!(due(&never), Some(later.plus(limits::UPLOAD_WINDOW)));
}

#[test]
fn a_terminal_file_has_its_expiry_as_the_only_deadline() {
    let failed = awaiting_upload(None).failed("no bytes", at(1)).unwrap();
    assert_eq!(due(&failed), None);
    let expiring = failed.changed(&expiry(Expiry::At(at(60))), at(2)).unwrap();
    assert_eq!(expiring.deadline, Some(Deadline::new(at(60))));
    let never = expiring.changed(&expiry(Expiry::Never), at(3)).unwrap();
    assert_eq!((due(&never), never.expires_at), (None, None));
}
