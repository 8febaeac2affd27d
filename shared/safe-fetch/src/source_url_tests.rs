use super::*;
use UrlError::{Credentials, NotAbsolute, Port, PrivateAddress, Scheme, TooLong};

fn parse(text: &str) -> Result<String, UrlError> {
    SourceUrl::parse(text, &Allowed::default()).map(|url| url.as_str().to_owned())
}

#[test]
fn public_urls_are_accepted_and_normalised() {
    for (text, normal) in [
        ("https://example.com", "https://example.com/"),
        ("http://example.com/a.mp4", "http://example.com/a.mp4"),
        ("HTTPS://EXAMPLE.com/A", "https://example.com/A"),
        ("  https://example.com/a \n", "https://example.com/a"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com:80/a", "https://example.com:80/a"),
        ("https://example.com:/a", "https://example.com/a"),
        ("https://example.com./a", "https://example.com./a"),
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/a?b=c#d", "https://example.com/a?b=c"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/../../a", "https://example.com/a"),
        ("https://example.com/ü", "https://example.com/%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://example。com/", "https://example.com/"),
        ("https://@example.com/", "https://example.com/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://134744072/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700::1111]/", "http://[2606:4700:4700::1111]/"),
        ("http://[::ffff:8.8.8.8]/", "http://[::ffff:808:808]/"),
        ("http://[64:ff9b::8.8.8.8]/", "http://[64:ff9b::808:808]/"),
        ("https://notlocalhost/", "https://notlocalhost/"),
        ("https://localhost.example.com/", "https://localhost.example.com/"),
        ("https://example.com/http://127.0.0.1/", "https://example.com/http://127.0.0.1/"),
        ("https://127.0.0.1.example.com/", "https://127.0.0.1.example.com/"),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(normal), "{text}");
    }
}

#[test]
fn private_hosts_are_refused_in_every_spelling() {
    for text in [
        "http://127.0.0.1/",
        "http://127.0.0.1:80/",
        "http://127.0.0.1:8080/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0X7F.1/",
        "http://0177.0.0.1/",
        "http://0177.0.0.01/",
        "http://017700000001/",
        "http://00000177.0.0.1/",
        "http://127.0x0.00.1/",
        "http://0/",
        "http://0x/",
        "http://0.0.0.0/",
        "http://①②⑦.⓪.⓪.①/",
        "http://１２７．０．０．１/",
        "http://127。0。0。1/",
        "http://127｡0｡0｡1/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.%31/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://169.16689662/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://100.100.100.200/",
        "http://255.255.255.255/",
        "http://224.0.0.1/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[0000::0001]:80/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:7f00:0001]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:0:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[fd00:ec2::254]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://localhost:80/",
        "http://a.localhost/",
        "http://a.b.localhost./",
        "http://ⓛocalhost/",
        "http://local%68ost/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://router.home.arpa/",
    ] {
        assert_eq!(parse(text), Err(PrivateAddress), "{text}");
    }
}

#[test]
fn malformed_urls_are_refused() {
    for text in [
        "",
        " ",
        "example.com",
        "example.com/a.mp4",
        "/a.mp4",
        "//example.com/a.mp4",
        "?a",
        "http",
        "http:",
        "http://",
        "http:///",
        "https://:80/",
        "https://@/",
        "http:example.com",
        "http:/example.com",
        "http:\\\\example.com",
        "http:\\/example.com",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://example.com\r\nX-A: b/",
        "https://exam\tple.com/",
        "https://example.com/\0",
        "https://[::1/",
        "https://::1/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::g]/",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
        "https://127.0.0.0x100000000/",
        "https://a.example.0/",
        "https://exa<mple.com/",
        "https://%00.example.com/",
        "https://xn--a/",
    ] {
        assert_eq!(parse(text), Err(NotAbsolute), "{text:?}");
    }
}

#[test]
fn other_schemes_ports_and_credentials_are_refused() {
    for (text, error) in [
        ("file:///etc/passwd", Scheme),
        ("FILE:///etc/passwd", Scheme),
        ("gopher://example.com/", Scheme),
        ("ftp://example.com/a", Scheme),
        ("data:video/mp4;base64,AAAA", Scheme),
        ("javascript:alert(1)", Scheme),
        ("mailto:a@example.com", Scheme),
        ("ws://example.com/", Scheme),
        ("httpss://example.com/", Scheme),
        ("blob:https://example.com/a", Scheme),
        ("localhost:8080/a", Scheme),
        ("concat:http://example.com/a", Scheme),
        ("https://user@example.com/", Credentials),
        ("https://user:word@example.com/", Credentials),
        ("https://:word@example.com/", Credentials),
        ("https://example.com@127.0.0.1/", Credentials),
        ("https://example.com:80@127.0.0.1:80/", Credentials),
        ("https://example.com:22/", Port),
        ("https://example.com:8443/", Port),
        ("http://example.com:0/", Port),
        ("http://8.8.8.8:6379/", Port),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_backslash_or_an_at_sign_does_not_move_the_host() {
    assert_eq!(parse("https://example.com\\@127.0.0.1/").as_deref(), Ok("https://example.com/@127.0.0.1/"));
    assert_eq!(parse("https://127.0.0.1\\@example.com/"), Err(PrivateAddress));
    assert_eq!(parse("https://127.0.0.1#@example.com/"), Err(PrivateAddress));
    assert_eq!(parse("https://127.0.0.1?@example.com/"), Err(PrivateAddress));
}

#[test]
fn long_urls_are_refused_before_and_after_normalisation() {
    let of_length = |length: usize, filler: &str| {
        let start = "https://example.com/";
        format!("{start}{}", filler.repeat((length - start.len()) / filler.len()))
    };
    assert!(parse(&of_length(8 * 1024, "a")).is_ok());
    assert_eq!(parse(&of_length(8 * 1024 + 1, "a")), Err(TooLong));
    // A `ü` has two bytes in the input, six when percent-encoded.
    assert!(parse(&of_length(2 * 1024, "ü")).is_ok());
    assert_eq!(parse(&of_length(6 * 1024, "ü")), Err(TooLong));
}

#[test]
fn an_allowed_host_may_be_private_and_use_any_port() {
    let allowed = Allowed::parse("127.0.0.1, [::1], localhost, media.example");
    let parse = |text: &str| SourceUrl::parse(text, &allowed).map(|url| url.as_str().to_owned());
    for text in [
        "http://127.0.0.1:8080/a",
        "http://127.0.0.1/a",
        "http://[::1]:9000/a",
        "http://localhost:9000/a",
        "https://media.example:8443/a",
    ] {
        assert_eq!(parse(text).as_deref(), Ok(text));
    }
    assert_eq!(parse("http://2130706433:81/a").as_deref(), Ok("http://127.0.0.1:81/a"));
    assert_eq!(parse("http://127.0.0.2:8080/a"), Err(PrivateAddress));
    assert_eq!(parse("http://a.localhost:8080/a"), Err(PrivateAddress));
    assert_eq!(parse("http://[::ffff:127.0.0.1]/a"), Err(PrivateAddress));
    assert_eq!(parse("https://a.media.example:8443/a"), Err(Port));
    assert_eq!(parse("http://user@127.0.0.1:8080/a"), Err(Credentials));
    assert_eq!(parse("ftp://127.0.0.1:8080/a"), Err(Scheme));
}

#[test]
fn the_fragment_is_stored_separately() {
    for (text, with_fragment) in [
        ("https://a.example/#/film/1", "https://a.example/#/film/1"),
        ("https://a.example/a#", "https://a.example/a"),
        ("https://a.example/a?b#c d", "https://a.example/a?b#c%20d"),
    ] {
        let url = SourceUrl::parse(text, &Allowed::default()).unwrap();
        assert_eq!(url.with_fragment(), with_fragment);
        assert!(!url.as_str().contains('#'), "{url}");
    }
}
