//! The handler that the tests of this folder share.

use import_file::ImportFile;
use safe_fetch::{Allowed, Limits, SafeClient};
use test_app::TestApp;

/// Returns a handler whose sources may have the private addresses in `allowed`. It resolves no web pages and joins no streams, and an
/// owner's imports may use all workers.
pub(crate) fn handler(app: &TestApp, allowed: &str) -> ImportFile {
    let (function, allowed) = (app.function("import-file"), Allowed::parse(allowed));
    ImportFile {
        records: function.records(),
        keys: function.keys(),
        objects: function.objects(),
        queue: function.import_queue(),
        deliveries: function.delivery_queue(),
        client: SafeClient::new(allowed.clone(), Limits::default()).expect("a client"),
        allowed,
        pages: None,
        muxer: None,
        max_joined_height: 2160,
        owner_share: None,
        max_file_bytes: 100_000_000,
    }
}
