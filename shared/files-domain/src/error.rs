/// Any error with its sources, for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
