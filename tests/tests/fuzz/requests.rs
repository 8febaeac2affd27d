//! Cursors, source URLs, messages.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use files_api::Cursor;
use files_domain::{FileId, OwnerId, SourceHeaders, Timestamp, file_object_key};
use files_queues::{ImportMessage, SqsMessages, StoredObject, StoredObjects};
use proptest::prelude::*;
use safe_fetch::{Allowed, SourceUrl, Url};
use serde_json::{Value, json};

use crate::nearly::{file_id, long, nearly, nearly_bytes, object_key, texts};

fn mine() -> OwnerId {
    OwnerId::named("mine")
}

/// Returns whether no import may access an address, by the standard library's classification.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => {
            let v4 = address.to_ipv4_mapped().is_some_and(is_inside_v4);
            v4 || address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
}

/// Asserts that an accepted source URL leads to a public address.
fn assert_outside(text: &str) {
    let Ok(source) = SourceUrl::parse(text, &Allowed::default()) else { return };
    let url = Url::parse(source.as_str()).expect("a URL");
    assert!(["http", "https"].contains(&url.scheme()), "{text:?}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text:?}");
    assert!(matches!(url.port_or_known_default(), Some(80 | 443)), "{text:?}");
    let host = url.host_str().expect("a host").trim_matches(['[', ']']);
    assert!(!host.parse().is_ok_and(is_inside), "{text:?} leads to {host}");
    assert_eq!(
        SourceUrl::parse(&source.with_fragment(), &Allowed::default()),
        Ok(source),
        "it parses to the same URL again"
    );
}

fn event(key: &str) -> Value {
    json!({"Records": [{
        "eventTime": "2026-01-02T03:04:05.678Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "p"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {"bucket": {"name": "b"}, "object": {"key": key}},
    }]})
}

fn objects(event: &Value) -> Vec<StoredObject> {
    serde_json::from_str::<StoredObjects>(&event.to_string()).expect("any JSON").0
}

fn import_message() -> ImportMessage {
    let headers = SourceHeaders::new([("X-Token".to_owned(), "a b".to_owned())]).unwrap();
    ImportMessage {
        owner: mine(),
        id: file_id(),
        file_url: "https://example.com/ü".to_owned(),
        headers,
        put_back: 0,
    }
}

proptest! {
    #![proptest_config(long())]

    #[test]
    fn a_cursor_is_good_for_its_list_alone(text in nearly(vec![Cursor::after(file_id(), mine(), "desc")])) {
        prop_assert!(Cursor::read::<FileId>(&text, OwnerId::named("theirs"), "desc").is_err());
        prop_assert!(Cursor::read::<FileId>(&text, mine(), "asc").is_err());
        if let Ok(id) = Cursor::read::<FileId>(&text, mine(), "desc") {
            prop_assert_eq!(Cursor::after(id, mine(), "desc"), text);
        }
    }

    #[test]
    fn a_cursor_round_trips(millis: u64, owner in ".{0,20}", shape in ".{0,40}") {
        let (id, owner) = (FileId::new(Timestamp::from_millis(millis)), OwnerId::named(&owner));
        let read = Cursor::read(&Cursor::after(id, owner, &shape), owner, &shape);
        prop_assert_eq!(read.ok(), Some(id));
    }

    #[test]
    fn a_source_s_url_leads_outside(text in texts(&[
        "https://example.com/a/b.mp4?c=d#e",
        "http://93.184.216.34:80/",
        "http://[2606:2800:220:1::1946]/",
        "http://127.0.0.1/",
        "http://[::ffff:10.0.0.1]:443/",
        "http://user:password@example.com/",
        " HTTPS://EXAMPLE.com.:443\\@169.254.169.254/",
    ])) {
        assert_outside(&text);
    }

    #[test]
    fn an_address_leads_outside_however_it_is_written(address: u32, near in 0_usize..6) {
        let near_by = [0x7f00_0001, 0x0a00_0000, 0xa9fe_a9fe, 0xc0a8_0000, 0xac10_0000, address][near] ^ (address & 0xff);
        let [a, b, c, d] = near_by.to_be_bytes();
        let low = u16::from_be_bytes([c, d]);
        for host in [
            format!("{near_by}"), format!("{near_by:#x}"), format!("0{near_by:o}"), format!("{a}.{b}.{c}.{d}"),
            format!("{a:#x}.0{b:o}.{low}"), format!("{a}.{}", near_by & 0x00ff_ffff), format!("{a}.{b}.{c}.{d}."),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
        ] {
            assert_outside(&format!("http://{host}/x"));
        }
    }

    #[test]
    fn an_event_names_objects_of_ours_or_none(body in nearly_bytes(vec![
        event(&object_key()).to_string(),
        event(&object_key().replace('/', "%2F")).to_string(),
        r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#.to_owned(),
    ])) {
        if let Ok(event) = serde_json::from_slice::<Value>(&body) {
            let found = objects(&event);
            prop_assert!(found.len() <= event["Records"].as_array().map_or(0, Vec::len));
            for StoredObject { owner, id, .. } in found {
                let again = objects(&self::event(&file_object_key(owner, id)));
                prop_assert_eq!(again.first().map(|object| (object.owner, object.id)), Some((owner, id)));
            }
        }
    }

    #[test]
    fn a_key_is_found_however_it_is_encoded(name in ".{0,20}", millis: u64, encoded in prop::collection::vec(any::<bool>(), 200)) {
        let (owner, id) = (OwnerId::named(&name), FileId::new(Timestamp::from_millis(millis)));
        let mut key = String::new();
        for (byte, encoded) in file_object_key(owner, id).bytes().zip(encoded) {
            if encoded { write!(key, "%{byte:02X}").unwrap() } else { key.push(char::from(byte)) }
        }
        prop_assert_eq!(objects(&event(&key)), [StoredObject { bucket: "b".to_owned(), owner, id }]);
    }

    #[test]
    fn a_message_is_read_or_refused(body in nearly_bytes(vec![serde_json::to_string(&import_message()).unwrap()])) {
        if let Ok(message) = serde_json::from_slice::<ImportMessage>(&body) {
            let again = serde_json::from_str::<ImportMessage>(&serde_json::to_string(&message).unwrap());
            prop_assert_eq!(again.unwrap(), message);
        }
    }

    #[test]
    fn a_batch_is_whole_or_none(body in nearly_bytes(vec![
        json!({"Records": [
            {"eventSource": "aws:sqs", "messageId": "m", "body": "{}"},
            {"eventSource": "aws:sqs", "messageId": "n", "body": ""},
        ]}).to_string(),
    ])) {
        if let Ok(event) = serde_json::from_slice::<Value>(&body)
            && let Ok(SqsMessages(messages)) = serde_json::from_slice(&body)
        {
            prop_assert_eq!(Some(messages.len()), event["Records"].as_array().map(Vec::len));
            prop_assert!(!messages.is_empty());
        }
    }
}
