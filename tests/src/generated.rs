//! Tables of the documentation that tests write and compare.

use std::path::Path;

/// The variable that has the tables written instead of compared.
const WRITE: &str = "FILES_WRITE_TABLES";

/// Compares a section of a page below `infra/docs` with what a test has found out, or writes it if `FILES_WRITE_TABLES` is set
/// (`make tables`). The section is between `<!-- NAME: written by make tables -->` and `<!-- /NAME -->`.
///
/// # Panics
/// The page has no such section, or another text in it.
pub fn assert_section(page: &str, name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/docs").join(page);
    let stored = std::fs::read_to_string(&path).expect("the page");
    let (begin, end) = (format!("<!-- {name}: written by make tables -->\n"), format!("<!-- /{name} -->"));
    let from = stored.find(&begin).unwrap_or_else(|| panic!("{page} has no {begin}")) + begin.len();
    let to = from + stored[from..].find(&end).unwrap_or_else(|| panic!("{page} has no {end}"));
    if stored[from..to] == *text {
        return;
    }
    assert!(
        std::env::var_os(WRITE).is_some(),
        "{page} differs from what was found out; make tables writes it:\n{text}"
    );
    std::fs::write(&path, [&stored[..from], text, &stored[to..]].concat()).expect("the page can be written");
}
