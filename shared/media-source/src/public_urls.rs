//! Drops the URLs of a page that clients fetch and that lead to private addresses: the API must not return these.

use std::collections::BTreeMap;

use files_domain::PageClaims;
use futures_util::future::join_all;
use safe_fetch::{Allowed, SourceUrl};

/// The maximum number of hosts whose names are looked up. URLs of further ones are dropped.
const MAX_HOSTS: usize = 8;

/// Drops the thumbnail and the subtitles whose host name resolves to a private address.
pub(crate) async fn drop_private_hosts<F: Future<Output = bool>>(
    claims: PageClaims,
    allowed: &Allowed,
    resolves_to_private: impl Fn(SourceUrl) -> F,
) -> PageClaims {
    let (hosts, urls): (Vec<_>, Vec<_>) = hosts(&claims, allowed).into_iter().unzip();
    let lookups = join_all(urls.into_iter().map(resolves_to_private)).await;
    let private: BTreeMap<String, bool> = hosts.into_iter().zip(lookups).collect();
    keep(claims, |url| {
        let host = SourceUrl::parse(url, allowed).ok().and_then(|url| host_of(&url));
        host.and_then(|host| private.get(&host)) == Some(&false)
    })
}

/// Drops the thumbnail and the subtitles whose URL this service may not fetch. Looks up no names.
pub(crate) fn drop_private_urls(claims: PageClaims, allowed: &Allowed) -> PageClaims {
    keep(claims, |url| SourceUrl::parse(url, allowed).is_ok())
}

fn keep(claims: PageClaims, is_public: impl Fn(&str) -> bool) -> PageClaims {
    let PageClaims { thumbnail_url, mut subtitles, .. } = claims;
    subtitles.retain(|subtitle| subtitle.url.as_deref().is_some_and(&is_public));
    PageClaims { thumbnail_url: thumbnail_url.filter(|url| is_public(url)), subtitles, ..claims }
}

/// Returns the first [`MAX_HOSTS`] hosts, each with one of its URLs.
fn hosts(claims: &PageClaims, allowed: &Allowed) -> BTreeMap<String, SourceUrl> {
    let subtitles = claims.subtitles.iter().filter_map(|subtitle| subtitle.url.as_deref());
    let mut hosts = BTreeMap::new();
    for text in claims.thumbnail_url.as_deref().into_iter().chain(subtitles) {
        let Ok(url) = SourceUrl::parse(text, allowed) else { continue };
        let Some(host) = host_of(&url) else { continue };
        if hosts.len() < MAX_HOSTS || hosts.contains_key(&host) {
            hosts.insert(host, url);
        }
    }
    hosts
}

fn host_of(url: &SourceUrl) -> Option<String> {
    url.url().host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::SubtitleClaim;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn claims(thumbnail: &str, subtitles: &[&str]) -> PageClaims {
        let subtitle =
            |url: &&str| SubtitleClaim { url: Some((*url).to_owned()), ..SubtitleClaim::default() };
        PageClaims {
            title: Some("Film".to_owned()),
            thumbnail_url: Some(thumbnail.to_owned()),
            subtitles: subtitles.iter().map(subtitle).collect(),
            ..PageClaims::default()
        }
    }

    fn urls(claims: &PageClaims) -> Vec<&str> {
        claims.subtitles.iter().filter_map(|subtitle| subtitle.url.as_deref()).collect()
    }

    #[test]
    fn private_urls_are_dropped() {
        let private = [
            "http://169.254.169.254/latest/meta-data/",
            "http://0x7f.1/a.vtt",
            "http://router.local/a.vtt",
            "https://subtitles.example:8443/a.vtt",
            "https://user:secret@subtitles.example/a.vtt",
            "ftp://subtitles.example/a.vtt",
            "a.vtt",
        ];
        for url in private {
            let public = "https://subtitles.example/a.vtt?token=1";
            let kept = drop_private_urls(claims(url, &[url, public]), &Allowed::default());
            assert_eq!((kept.thumbnail_url.as_deref(), urls(&kept)), (None, vec![public]), "{url}");
            assert_eq!(kept.title.as_deref(), Some("Film"));
        }
    }

    #[tokio::test]
    async fn private_hosts_are_dropped() {
        let subtitles =
            ["https://public.example/a.vtt", "https://private.example/a.vtt", "http://10.0.0.1/a.vtt"];
        let is_private = async |url: SourceUrl| url.url().host_str() == Some("private.example");
        for (thumbnail, is_kept) in
            [("https://private.example/a.jpg", false), ("https://public.example/a.jpg", true)]
        {
            let kept =
                drop_private_hosts(claims(thumbnail, &subtitles), &Allowed::default(), is_private).await;
            assert_eq!(
                (kept.thumbnail_url.is_some(), urls(&kept)),
                (is_kept, vec![subtitles[0]]),
                "{thumbnail}"
            );
        }
    }

    #[tokio::test]
    async fn a_limited_number_of_hosts_is_looked_up() {
        let many: Vec<String> = (0..20).map(|n| format!("https://{n}.example/a.vtt")).collect();
        let again = "https://0.example/b.vtt";
        let subtitles: Vec<&str> = many.iter().map(String::as_str).chain([again]).collect();
        let lookups = AtomicUsize::new(0);
        let count = async |_: SourceUrl| lookups.fetch_add(1, Ordering::Relaxed) == usize::MAX;
        let kept =
            drop_private_hosts(claims("http://10.0.0.1/a.jpg", &subtitles), &Allowed::default(), count).await;
        assert_eq!(lookups.load(Ordering::Relaxed), MAX_HOSTS);
        let expected: Vec<&str> = subtitles[..MAX_HOSTS].iter().copied().chain([again]).collect();
        assert_eq!(urls(&kept), expected);
    }
}
