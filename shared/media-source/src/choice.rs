//! Orders the choices of a playlist, a manifest or a web page, so that a later run of an import chooses as an earlier one did.

use safe_fetch::Url;
use sha2::{Digest, Sha256};

use crate::resolve::Request;

/// The number of bytes of a hash that identify a choice among the few of a source.
const ID_BYTES: usize = 8;

/// Returns an identifier of a choice: a hash of its URL. The query is left out, because it may have a signature that differs in each
/// run.
#[must_use]
pub fn choice_id(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    hex::encode(&Sha256::digest(url.as_str())[..ID_BYTES])
}

impl Request {
    /// Drops the choices to skip, and puts the one of an earlier run before the others. `url` returns the URL that identifies a
    /// choice.
    pub(crate) fn in_order<T>(&self, choices: Vec<T>, url: impl Fn(&T) -> Option<Url>) -> Vec<T> {
        let is_avoided = |choice: &T| url(choice).is_some_and(|url| self.avoided.contains(&url));
        let mut left: Vec<_> = choices.into_iter().filter(|choice| !is_avoided(choice)).collect();
        let is_preferred =
            |choice: &T| self.preferred.is_some() && url(choice).as_ref().map(choice_id) == self.preferred;
        if let Some(preferred) = left.iter().position(is_preferred) {
            left[..=preferred].rotate_right(1);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safe_fetch::{Allowed, SourceUrl};

    fn url(text: &str) -> Url {
        Url::parse(&format!("https://a.example/{text}")).unwrap()
    }

    fn order(avoided: &[&str], preferred: Option<&str>) -> String {
        let any = SourceUrl::parse("https://a.example/m", &Allowed::default()).unwrap();
        let request = Request::new(any, &files_domain::SourceHeaders::default()).unwrap();
        let avoided = avoided.iter().map(|text| url(text)).collect();
        let request = Request { avoided, preferred: preferred.map(|text| choice_id(&url(text))), ..request };
        request.in_order(vec!["1", "2", "2#x", "3"], |choice| Some(url(choice))).join(" ")
    }

    #[test]
    fn the_choice_of_an_earlier_run_comes_first() {
        assert_eq!(order(&[], None), "1 2 2#x 3");
        assert_eq!(order(&[], Some("1")), "1 2 2#x 3");
        assert_eq!(order(&[], Some("3?signature=new")), "3 1 2 2#x");
        assert_eq!(order(&[], Some("2#x")), "2#x 1 2 3");
        assert_eq!(order(&[], Some("gone")), "1 2 2#x 3");
        assert_eq!(order(&["1", "3"], Some("3")), "2 2#x");
    }
}
