//! Implements variable substitution (`EXT-X-DEFINE`, draft-pantos-hls-rfc8216bis, sections 4.3 and 4.4.2.3).

use std::collections::BTreeMap;

use safe_fetch::Url;

use crate::grammar::Attributes;

/// The maximum size of a line after substitution: no URL may be longer.
const MAX_SUBSTITUTED_BYTES: usize = 16 * 1024;

/// The values of variables by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Adds the variable that an `EXT-X-DEFINE` of the playlist at `from` defines. Returns `None` if the tag is malformed,
    /// defines a name twice, or refers to a variable or query parameter that does not exist.
    pub(crate) fn define(&mut self, attributes: &Attributes, from: &Url, imported: &Self) -> Option<()> {
        let (name, value) = if let Some(name) = attributes.get("NAME") {
            (name, attributes.get("VALUE")?.to_owned())
        } else if let Some(name) = attributes.get("IMPORT") {
            (name, imported.0.get(name)?.clone())
        } else {
            let name = attributes.get("QUERYPARAM")?;
            (name, query_parameter(from, name)?)
        };
        let is_new = is_name(name) && !self.0.contains_key(name);
        is_new.then(|| self.0.insert(name.to_owned(), value)).map(drop)
    }

    /// Substitutes each `{$name}`. Returns `None` if one is not defined or the result exceeds [`MAX_SUBSTITUTED_BYTES`].
    pub(crate) fn substitute(&self, text: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            filled.push_str(before);
            match after.split_once('}').filter(|(name, _)| is_name(name)) {
                Some((name, after)) => {
                    filled.push_str(self.0.get(name)?);
                    rest = after;
                }
                None => {
                    filled.push_str("{$");
                    rest = after;
                }
            }
            if filled.len() > MAX_SUBSTITUTED_BYTES {
                return None;
            }
        }
        filled.push_str(rest);
        Some(filled)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Returns a query parameter without percent-decoding it, so that it keeps its meaning when substituted into a URL.
fn query_parameter(url: &Url, wanted: &str) -> Option<String> {
    let pairs = url.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value.to_owned())
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defined(lists: &[&str], imported: &Variables) -> Option<Variables> {
        let url = Url::parse("https://a.example/m.m3u8?token=a%2Bb&empty=").unwrap();
        let mut variables = Variables::default();
        for list in lists {
            variables.define(&Attributes::parse(list)?, &url, imported)?;
        }
        Some(variables)
    }

    #[test]
    fn variables_are_substituted() {
        let main = defined(&["NAME=\"host\",VALUE=\"cdn.example\""], &Variables::default()).unwrap();
        let own = defined(&["IMPORT=\"host\"", "QUERYPARAM=\"token\""], &main).unwrap();
        assert_eq!(own.substitute("//{$host}/a?t={$token}").as_deref(), Some("//cdn.example/a?t=a%2Bb"));
        assert_eq!(
            own.substitute("{$no name} {$").as_deref(),
            Some("{$no name} {$"),
            "not a variable reference"
        );
        assert_eq!(own.substitute("{$other}"), None);
        assert_eq!(own.substitute(&"{$host}".repeat(10_000)), None);
    }

    #[test]
    fn undefined_references_and_duplicates_are_refused() {
        for list in [
            "IMPORT=\"host\"",
            "QUERYPARAM=\"none\"",
            "QUERYPARAM=\"empty\"",
            "NAME=\"a\"",
            "NAME=\"\",VALUE=\"x\"",
            "X=1",
        ] {
            assert_eq!(defined(&[list], &Variables::default()), None, "{list}");
        }
        assert_eq!(
            defined(&["NAME=\"a\",VALUE=\"1\"", "NAME=\"a\",VALUE=\"2\""], &Variables::default()),
            None
        );
    }
}
