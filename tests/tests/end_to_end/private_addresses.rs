//! Private addresses must not be reached, in any spelling, through the real API. Canaries listen there.

use std::net::Ipv4Addr;

use files_tests::cloud::children;
use files_tests::{Cloud, Owner, RawSource, Reply, Response, Script, SourceServer, Usage, media};
use serde_json::json;
use tokio::net::TcpListener;

/// Returns a loopback address of this test alone: all of 127.0.0.0/8 is this machine.
fn own_address() -> Ipv4Addr {
    let byte = || fastrand::u8(2..=254);
    Ipv4Addr::new(127, byte(), byte(), byte())
}

/// Returns all texts that URL parsers are known to accept as an IPv4 address.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let (number, last3, last2) =
        (u32::from(address), u32::from(address) & 0xff_ffff, u32::from(address) & 0xffff);
    let (high, low) = (number >> 16, number & 0xffff);
    let digits = |zero: char, text: &str| -> String {
        let other = |digit: u32| char::from_u32(u32::from(zero) + digit).expect("a digit");
        text.chars().map(|c| c.to_digit(10).map_or(c, other)).collect()
    };
    let dotted = address.to_string();
    let encoded: String = dotted.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let v6 = |prefix: &str, rest: &str| format!("[{prefix}{high:x}:{low:x}{rest}]");
    vec![
        dotted.clone(),
        format!("{dotted}."),
        format!("{number}"),
        format!("{number:#x}"),
        format!("{number:#X}").replace("0X", "0X0"),
        format!("0{number:o}"),
        format!("000000{number:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0000{a:o}.{b}.{c:#x}.0{d:o}"),
        format!("{a}.{b}.{c:#x}.{d}"),
        format!("{a}.{last3}"),
        format!("{a:#x}.{last3:#x}"),
        format!("0{a:o}.0{last3:o}"),
        format!("{a}.{b}.{last2}"),
        format!("{a}.{b}.{last2:#x}"),
        dotted.replace('.', "。"),
        dotted.replace('.', "．"),
        dotted.replace('.', "｡"),
        digits('０', &dotted),
        digits('𝟎', &dotted),
        digits('𝟘', &dotted),
        digits('𝟶', &dotted),
        digits('０', &number.to_string()),
        encoded,
        dotted.replace('.', "%2e"),
        v6("::ffff:", ""),
        format!("[::ffff:{dotted}]"),
        v6("0:0:0:0:0:ffff:", ""),
        v6("0000:0000:0000:0000:0000:FFFF:", ""),
        v6("::", ""),
        format!("[::{dotted}]"),
        v6("::ffff:0:", ""),
        v6("64:ff9b::", ""),
        format!("[64:ff9b::{dotted}]"),
        v6("64:ff9b:1::", ""),
        v6("2002:", "::"),
        v6("2002:", "::1"),
        format!("[2001:0:{high:x}:{low:x}::]"),
        format!("[fe80::5efe:{dotted}]"),
        format!("[::ffff:{dotted}%25eth0]"),
        format!("[::ffff:{dotted}%eth0]"),
        format!("user@{dotted}"),
        format!("example.com@{dotted}"),
        format!("example.com:80@{dotted}"),
        format!("{dotted}#@example.com"),
        format!("{dotted}\\@example.com"),
        format!("\t{dotted}"),
        format!("{dotted}:80"),
        format!("{dotted}:443"),
        format!("{dotted}:00080"),
    ]
}

/// Texts for other private and special addresses.
const OTHERS: [&str; 26] = [
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::1%25lo]",
    "[::1%lo]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "localhost",
    "LocalHost",
    "localhost.",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "loc%61lhost",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "router.home.arpa",
    "0",
    "0x0",
    "255.255.255.255",
    "224.0.0.1",
];

/// Returns all spellings of this address, of 127.0.0.1, and of the metadata services of clouds.
fn hosts(own: Ipv4Addr) -> Vec<String> {
    let addresses = [own, Ipv4Addr::LOCALHOST, Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(10, 0, 0, 1)];
    let spelled = addresses.into_iter().flat_map(spellings);
    spelled.chain(OTHERS.map(str::to_owned)).collect()
}

/// Starts canaries at the addresses, on the allowed ports that this user may bind.
async fn canaries(own: Ipv4Addr) -> Vec<RawSource> {
    let mut canaries = Vec::new();
    for (address, port) in [
        (own.to_string(), 80),
        (own.to_string(), 443),
        ("127.0.0.1".into(), 80),
        ("::1".into(), 80),
        (own.to_string(), 0),
    ] {
        if let Ok(listener) = TcpListener::bind((address.as_str(), port)).await {
            canaries
                .push(RawSource::listen(listener, Script::Bytes(b"HTTP/1.1 200 OK\r\n\r\nsecret".to_vec())));
        }
    }
    canaries
}

fn heard(canaries: &[RawSource]) -> usize {
    canaries.iter().map(RawSource::connections).sum()
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_fetched() {
    let (own, source_address) = (own_address(), own_address());
    let canaries = canaries(own).await;
    assert!(!canaries.is_empty(), "nobody listens");
    let cloud = Cloud::setup().allow_only_host(&source_address.to_string()).start().await;
    let owner = cloud.owner().await;
    let hosts = hosts(own);
    assert!(hosts.len() >= 150, "{}", hosts.len());
    for host in &hosts {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/secret");
            let response = Response::to(owner.json(&json!({ "file_url": url }))).await;
            assert_eq!(response.status, 422, "{url}: {}", String::from_utf8_lossy(&response.body));
            response.expect_error(422, "invalid_url");
        }
    }
    assert_eq!(owner.backend.usage().await, Usage::default());
    assert_eq!(heard(&canaries), 0, "a canary was reached");
    redirects(&owner, source_address, &hosts).await;
    assert_eq!(heard(&canaries), 0, "a canary was reached by a redirect");
}

/// Imports from an allowed source that redirects to the hosts, directly and over a chain.
async fn redirects(owner: &Owner, source: Ipv4Addr, hosts: &[String]) {
    let source = SourceServer::start_at(source.into()).await;
    let mut imports = Vec::new();
    for (number, host) in hosts.iter().enumerate() {
        let Ok(target) = http::HeaderValue::from_str(&format!("http://{host}/secret")) else { continue };
        let Ok(target) = target.to_str() else { continue }; // not a valid header value
        let end = format!("/{number}/2");
        source.serve(&end, Reply::redirect(target));
        source.serve(&format!("/{number}/1"), Reply::redirect(&end));
        let first = source.serve(&format!("/{number}/0"), Reply::redirect(&format!("/{number}/1")));
        imports.push((host, owner.import(&first).await));
    }
    assert!(imports.len() >= 100, "{}", imports.len());
    for (host, import) in imports {
        let file = owner.wait_until_terminal(&import).await;
        assert_eq!(file["status"], "failed", "{host}: {file}");
        owner.delete(&file).await.expect(204);
    }
    owner.backend.drained("ImportQueue").await;
    assert_eq!(owner.backend.usage().await, Usage::default());
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
}

/// Returns the address of a process's Runtime API.
fn runtime_api(process: u32) -> String {
    let environment = std::fs::read(format!("/proc/{process}/environ")).expect("its environment");
    let all = String::from_utf8_lossy(&environment).into_owned();
    let value = all.split('\0').find_map(|entry| entry.strip_prefix("AWS_LAMBDA_RUNTIME_API="));
    value.expect("a Runtime API").to_owned()
}

#[tokio::test]
async fn the_runtime_api_is_unreachable_although_its_host_is_allowed() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()));
    owner.wait_until_success(&owner.import(&url).await).await;

    let worker = children(cloud.process()).into_iter().find(|(_, name)| name == "import-file");
    let api = runtime_api(worker.expect("a worker waits for its next event").0);
    let next = format!("http://{api}/2018-06-01/runtime/invocation/next");
    let redirect = source.serve("/away", Reply::redirect(&next));
    for url in [&next, &redirect] {
        let file = owner.wait_until_terminal(&owner.import(url).await).await;
        assert_eq!(file["status"], "failed", "{file}");
        assert!(file["error"].as_str().is_some_and(|error| error.contains("public address")), "{file}");
    }
    let again = owner.wait_until_success(&owner.import(&url).await).await;
    assert_eq!(owner.download(&again).await, *media::PNG, "its worker still works");
}
