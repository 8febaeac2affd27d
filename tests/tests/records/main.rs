//! The ports of the records: one suite of rules per port, held by the in-memory double and by the real records over
//! the local cloud's DynamoDB alike, and random lives of files against a model on both.

/// Each rule as a test of the double and as a test of the real records.
macro_rules! conformance {
    ($($rule:ident,)*) => {
        mod double {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(&files_doubles::Memory::default()).await;
            })*
        }
        mod real {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(&crate::dynamodb::DynamoDb::start().await).await;
            })*
        }
    };
}

/// The call was refused, for just this reason.
macro_rules! assert_refused {
    ($result:expr, $error:pat $(if $condition:expr)?) => {{
        let result = $result;
        assert!(matches!(&result, Err($error) $(if $condition)?), "{result:?}");
    }};
}

mod claim;
mod create;
mod dynamodb;
mod filters;
mod find;
mod list;
mod model;
mod owner;
mod parts;
mod play;
mod probe;
mod progress;
mod remove;
mod samples;
mod save;
mod store;
