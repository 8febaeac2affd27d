//! The records over the local cloud's DynamoDB: rules of each operation, and random histories of files compared with a model.

/// Asserts that a call was refused with this error.
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
mod limits;
mod list;
mod model;
mod owner;
mod parts;
mod probe;
mod progress;
mod rate;
mod remove;
mod samples;
mod save;
mod simulated_file;
mod simulation;
mod slots;
