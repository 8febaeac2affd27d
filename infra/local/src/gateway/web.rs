//! Serves a web app at `/`, and the other HTML pages of its folder. Only the local cloud does; in AWS the web app is deployed
//! apart from the API.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};

/// The response to a browser while the web app is not built.
const NOT_BUILT: &str =
    "The web app has not been built: the folder of files-local --web has no index.html.\n";

/// The media type of pages.
const HTML: &str = "text/html; charset=utf-8";

/// Who may embed a file. The web app sets the rest of its policy in a meta element, which cannot say this.
const NO_FRAMES: &str = "frame-ancestors 'none'";
const ANY_FRAME: &str = "frame-ancestors *";

/// The built web app.
pub(super) struct WebApp {
    folder: PathBuf,
}

/// A file of the web app.
pub(super) enum WebFile {
    /// `index.html`, which no page may embed.
    Html,
    /// Another HTML page, such as `upload.html`. Any page may embed it.
    Page {
        /// Its path below the folder.
        name: String,
    },
    /// A file below `assets`.
    Asset {
        /// Its path below the folder.
        name: String,
        /// Its media type.
        media_type: &'static str,
    },
}

impl WebApp {
    /// Creates the web app of a folder, which may be built later.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the file that a request names: `index.html` at `/` and other HTML pages at `/NAME.html` for browsers, assets below
    /// `/assets`. Returns `None` for a request of the API. `/` without `Accept: text/html` has no route, as in AWS.
    pub(super) fn file(request: &Request<Body>) -> Option<WebFile> {
        if request.method() != Method::GET {
            return None;
        }
        let path = request.uri().path();
        if path == "/" && wants_html(request) {
            return Some(WebFile::Html);
        }
        if let Some(name) = path.strip_prefix('/').filter(|name| is_page(name) && wants_html(request)) {
            return Some(WebFile::Page { name: name.to_owned() });
        }
        let name = path.strip_prefix("/assets/").filter(|name| is_plain(name))?;
        Some(WebFile::Asset { name: format!("assets/{name}"), media_type: media_type(name)? })
    }

    /// Builds the response with a file, or returns `None` if the file does not exist.
    pub(super) async fn respond(&self, file: WebFile) -> Option<Response<Body>> {
        match file {
            WebFile::Html => {
                let missing = || (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", NOT_BUILT.into());
                let found = |html| (StatusCode::OK, HTML, html);
                let (status, media_type, body) = self.read("index.html").await.map_or_else(missing, found);
                Some(response(status, media_type, "no-cache", NO_FRAMES, body))
            }
            WebFile::Page { name } => {
                let body = self.read(&name).await?;
                Some(response(StatusCode::OK, HTML, "no-cache", ANY_FRAME, body))
            }
            WebFile::Asset { name, media_type } => {
                let body = self.read(&name).await?;
                // The names contain a hash of the content.
                let cache = "public, max-age=31536000, immutable";
                Some(response(StatusCode::OK, media_type, cache, NO_FRAMES, body))
            }
        }
    }

    async fn read(&self, name: &str) -> Option<Vec<u8>> {
        tokio::fs::read(self.folder.join(name)).await.ok()
    }
}

fn wants_html(request: &Request<Body>) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Returns whether this is the name of a file directly in the folder.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.starts_with('.') && !name.is_empty() && name.chars().all(plain)
}

/// Returns whether this is the name of an HTML page other than `index.html`.
fn is_page(name: &str) -> bool {
    is_plain(name) && name.ends_with(".html") && name != "index.html"
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn response(
    status: StatusCode,
    media_type: &'static str,
    cache: &'static str,
    frames: &'static str,
    body: Vec<u8>,
) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, frames),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn responded(
        web: &WebApp,
        method: &str,
        path: &str,
        accept: &str,
    ) -> Option<(u16, String, String)> {
        let request = Request::builder().method(method).uri(path).header(ACCEPT, accept);
        let file = WebApp::file(&request.body(Body::empty()).unwrap())?;
        let (parts, body) = web.respond(file).await?.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let media_type = parts.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
        Some((parts.status.as_u16(), media_type, String::from_utf8(body.to_vec()).unwrap()))
    }

    #[tokio::test]
    async fn browsers_get_the_web_app_and_no_other_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("assets")).unwrap();
        let web = WebApp::new(folder.path().join("."));
        let html = "text/html,application/xhtml+xml,*/*;q=0.8";
        let (status, _, text) = responded(&web, "GET", "/", html).await.unwrap();
        assert_eq!((status, text.as_str()), (404, NOT_BUILT), "before it is built");

        for (name, content) in
            [("index.html", "page"), ("assets/a-1.js", "code"), ("assets/.js", "no"), ("assets/x.map", "no")]
        {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let page_found = Some((200, "text/html; charset=utf-8".to_owned(), "page".to_owned()));
        assert_eq!(responded(&web, "GET", "/", html).await, page_found);
        let code_found = Some((200, "text/javascript; charset=utf-8".to_owned(), "code".to_owned()));
        assert_eq!(responded(&web, "GET", "/assets/a-1.js", "*/*").await, code_found);

        for (method, path, accept) in [
            ("GET", "/form.html", html),
            ("GET", "/", "*/*"),
            ("GET", "/", "application/json"),
            ("POST", "/", html),
            ("HEAD", "/", html),
            ("GET", "/index.html", html),
            ("GET", "/v1", html),
            ("GET", "/v1/items", html),
            ("POST", "/assets/a-1.js", html),
            ("GET", "/assets/", html),
            ("GET", "/assets/b.js", html),
            ("GET", "/assets/x.map", html),
            ("GET", "/assets/.js", html),
            ("GET", "/assets/../index.html", html),
            ("GET", "/assets/..%2Findex.html", html),
            ("GET", "/assets//a-1.js", html),
        ] {
            assert_eq!(responded(&web, method, path, accept).await, None, "{method} {path} {accept}");
        }
    }

    #[tokio::test]
    async fn other_pages_can_be_embedded_and_the_web_app_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let web = WebApp::new(folder.path().to_owned());
        for name in ["index.html", "form.html"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        for (path, frames) in [("/", NO_FRAMES), ("/form.html", ANY_FRAME)] {
            let request = Request::builder().uri(path).header(ACCEPT, "text/html").body(Body::empty());
            let response = web.respond(WebApp::file(&request.unwrap()).unwrap()).await.unwrap();
            assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], frames, "{path}");
        }
        for (method, path, accept) in [
            ("GET", "/form.html", "*/*"),
            ("POST", "/form.html", "text/html"),
            ("GET", "/.html", "text/html"),
            ("GET", "/../form.html", "text/html"),
            ("GET", "/v1/form.html", "text/html"),
        ] {
            assert_eq!(responded(&web, method, path, accept).await, None, "{method} {path} {accept}");
        }
    }
}
