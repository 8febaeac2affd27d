//! HTTP: routes, methods, CORS, the gateway's own errors.

use files_tests::owner::id;
use files_tests::{Cloud, Response, skip_on_deployment};
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let some = "01890a5d-ac96-774b-bcce-b302099a8057";
    for path in
        ["/", "/v1", "/v2/files", "/files", "/v1/file", &format!("/v1/files/{some}/a/b"), "/favicon.ico"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
            let response =
                Response::to(owner.request(method.clone(), &format!("{}{path}", cloud.origin()))).await;
            response.expect_error(404, "not_found");
        }
    }
}

#[tokio::test]
async fn the_documentation_needs_no_key() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let get = |path: &str| owner.bare_request(Method::GET, &format!("{}{path}", cloud.origin()));
    let document = Response::to(get("/v1/openapi.json")).await.expect(200).json();
    assert!(document["paths"]["/v1/files"]["post"].is_object());
    assert_eq!(document["servers"], serde_json::json!([{"url": "/"}]));
    let page = Response::to(get("/docs")).await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(String::from_utf8_lossy(&page.body).contains("id=\"createFile\""));
}

#[tokio::test]
async fn a_deployment_can_switch_the_documentation_off() {
    skip_on_deployment!("starts a cloud with a parameter");
    let off = (
        "  ApiDocs:\n    Type: String\n    Default: \"true\"",
        "  ApiDocs:\n    Type: String\n    Default: \"false\"",
    );
    let cloud = Cloud::setup().template_with(off.0, off.1).start().await;
    let owner = cloud.owner().await;
    for path in ["/v1/openapi.json", "/docs"] {
        let request = owner.bare_request(Method::GET, &format!("{}{path}", cloud.origin()));
        Response::to(request).await.expect_error(404, "not_found");
    }
}

#[tokio::test]
async fn a_wrong_method_returns_the_allowed_ones() {
    let owner = Cloud::shared().await.owner().await;
    let file = "/files/01890a5d-ac96-774b-bcce-b302099a8057";
    let download = format!("{file}/a.mp4");
    let upload = file.replace("files", "uploads");
    let (parts, complete) = (format!("{upload}/parts"), format!("{upload}/complete"));
    for (path, wrong, allowed) in [
        ("/files", vec!["PUT", "DELETE", "PATCH"], vec!["GET", "POST"]),
        (file, vec!["PUT", "POST"], vec!["GET", "PATCH", "DELETE"]),
        (&download, vec!["PUT", "POST", "DELETE", "PATCH"], vec!["GET", "HEAD"]),
        (&parts, vec!["PUT", "DELETE", "PATCH"], vec!["GET", "POST"]),
        (&complete, vec!["GET", "PUT", "DELETE", "PATCH"], vec!["POST"]),
    ] {
        for method in wrong {
            let response = Response::to(owner.request(method.parse().expect("a method"), path)).await;
            response.expect_error(405, "method_not_allowed");
            let allow = response.header("allow").expect("Allow");
            let allow: Vec<&str> =
                allow.split(',').map(str::trim).filter(|method| *method != "OPTIONS").collect();
            assert_eq!(allow, allowed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_gateway_responds_to_a_preflight() {
    let owner = Cloud::shared().await.owner().await;
    let preflight = owner
        .bare_request(Method::OPTIONS, "/files")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "x-api-key,content-type,idempotency-key,traceparent,cache-control",
        );
    let response = Response::to(preflight).await.expect(204);
    assert!(response.body.is_empty());
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let list = |name: &str| {
        let value = response.header(name).unwrap_or_else(|| panic!("{name}")).to_lowercase();
        let mut list: Vec<String> = value.split(',').map(|item| item.trim().to_owned()).collect();
        list.sort();
        list.join(" ")
    };
    assert_eq!(list("access-control-allow-methods"), "delete get head options patch post");
    assert_eq!(
        list("access-control-allow-headers"),
        "authorization cache-control content-type idempotency-key if-match if-none-match traceparent x-api-key"
    );
    assert!(response.header("access-control-max-age").is_some_and(|age| age.parse::<u32>().is_ok()));
}

#[tokio::test]
async fn web_pages_can_read_every_response() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let download = "/files/01890a5d-ac96-774b-bcce-b302099a8057/a.mp4";
    for (path, status) in [("/files", 200), (download, 404), ("/files/x", 400), ("/nothing", 404)] {
        let response =
            Response::to(owner.request(Method::GET, path).header("origin", "https://app.example")).await;
        let response = response.expect(status);
        assert_eq!(response.headers.get_all("access-control-allow-origin").iter().count(), 1, "{path}");
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{path}");
        let exposed =
            response.header("access-control-expose-headers").expect("exposed headers").to_lowercase();
        for name in ["etag", "link", "location", "retry-after"] {
            assert!(exposed.split(',').any(|exposed| exposed.trim() == name), "{name}: {exposed}");
        }
        let elsewhere = Response::to(owner.request(Method::GET, path)).await.expect(status);
        assert_eq!(
            elsewhere.header("access-control-allow-origin"),
            None,
            "no web page sent the request: {path}"
        );
    }
}

#[tokio::test]
async fn web_pages_can_write_to_and_read_from_the_bucket() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("a.txt", 3, "text/plain").await;
    let url = file["upload"]["url"].as_str().expect("a URL");
    let names =
        file["upload"]["headers"].as_object().expect("headers").keys().cloned().collect::<Vec<_>>().join(",");
    let preflight = owner
        .bare_request(Method::OPTIONS, url)
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", &names);
    let response = Response::to(preflight).await.expect(200);
    assert!(response.header("access-control-allow-origin").is_some());
    assert!(response.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PUT")));
    let allowed = response.header("access-control-allow-headers").expect("headers").to_lowercase();
    for name in names.split(',') {
        assert!(allowed.contains(&name.to_lowercase()), "{name}: {allowed}");
    }
}

#[tokio::test]
async fn requests_that_the_gateway_refuses_get_its_own_error() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let response =
        Response::to(owner.request(Method::GET, "/files").header("x-large", "x".repeat(12_000))).await;
    assert_eq!(response.status, 431);
    assert_eq!(response.json().as_object().map(serde_json::Map::len), Some(1), "{}", response.json());
    owner.list("").await;
}

#[tokio::test]
async fn no_response_is_cached_for_others() {
    let owner = Cloud::shared().await.owner().await;
    let list = owner.get("/files").await.expect(200);
    assert_eq!(list.header("content-type"), Some("application/json"));
    assert!(list.header("cache-control").is_some_and(|value| value.contains("private")));
    let refused = owner.get("/files?limit=x").await.expect(400);
    assert!(refused.header("cache-control").is_some_and(|value| value.contains("private")));
}

#[tokio::test]
async fn a_crashing_function_causes_the_gateways_own_error() {
    skip_on_deployment!("replaces a function");
    let cloud = Cloud::setup().crashing("get-file").start().await;
    let owner = cloud.owner().await;
    let file = owner.announce("a.txt", 3, "text/plain").await;
    for _ in 0..2 {
        owner.get(&format!("/files/{}", id(&file))).await.expect_bare(500, "Internal Server Error");
    }
    owner.list("").await;
}

#[tokio::test]
async fn urls_do_not_contain_the_clients_host_header() {
    skip_on_deployment!("a gateway that has a name of its own finds the API by the Host header");
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let body = serde_json::json!({"name": "a.txt", "size": 3});
    let forged = owner.json(&body).header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let created = Response::to(forged).await.expect(201);
    let download = created.json()["download_url"].as_str().expect("an address").to_owned();
    assert!(download.starts_with(&format!("{}/v1/files/", cloud.origin())), "{download}");
    assert!(created.header("location").is_some_and(|location| location.starts_with(cloud.origin())));
}

#[tokio::test]
async fn no_host_header_breaks_a_function() {
    skip_on_deployment!("a gateway that has a name of its own finds the API by the Host header");
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let authority = cloud.origin().trim_start_matches("http://");
    for host in [
        "a:99999",
        "xn--",
        "127.0.0.256",
        "a.example:",
        "[::ffff:1.2.3.4]:80",
        "[",
        "a b",
        "",
        "\u{fc}",
        "%zz",
    ] {
        let mut stream = TcpStream::connect(authority).await.expect("a connection");
        let key = owner.key();
        let head = format!(
            "GET /v1/files HTTP/1.1\r\nHost: {host}\r\nX-API-KEY: {key}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.expect("a response");
        let response = String::from_utf8_lossy(&response).into_owned();
        let allowed = response.starts_with("HTTP/1.1 200 ") || response.starts_with("HTTP/1.1 400 ");
        assert!(allowed, "{host:?}: {response}");
    }
}
