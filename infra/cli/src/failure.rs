//! Errors of commands, and their exit codes.

use std::path::PathBuf;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The settings are missing or invalid.
    #[error("{0}")]
    Settings(String),
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    /// There is no API key. The path is that of the settings file.
    #[error("no API key: set FILES_API_KEY, or api_key in {}", .0.display())]
    NoKey(PathBuf),
    /// The API or the storage returned an error.
    #[error("{message}{}", if reason.is_empty() { String::new() } else { format!(" ({reason})") })]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable reason code.
        reason: String,
        /// The message for users.
        message: String,
        /// The fields of the request that caused it.
        fields: Vec<String>,
    },
    /// The server did not respond, after all attempts.
    #[error("{} {server}: {cause}", if *.is_connected { "no response from" } else { "cannot connect to" })]
    Unreachable {
        /// The host of the server, and its port unless it is the usual one.
        server: String,
        /// Whether a connection was established.
        is_connected: bool,
        /// The cause of the last failure.
        cause: String,
    },
    /// A response is not as specified.
    #[error("unexpected response: {0}")]
    Response(String),
    /// A local file could not be read or written.
    #[error("{}: {cause}", path.display())]
    Local {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// The file has failed in the service.
    #[error("{0}")]
    FileFailed(String),
    /// The user pressed Ctrl-C. True if the same command resumes.
    #[error("interrupted{}", if *.0 { "; the same command resumes where this one stopped" } else { "" })]
    Interrupted(bool),
    /// A failure with the file or id that it belongs to.
    #[error("{0}: {1}")]
    Item(String, Box<Failure>),
    /// Some items failed, which have been reported.
    #[error("{failed} of {all} failed")]
    Several {
        /// The number of items that failed.
        failed: usize,
        /// The number of all items.
        all: usize,
        /// The exit code.
        code: u8,
    },
}

impl Failure {
    pub(crate) fn local(path: impl Into<PathBuf>, cause: impl ToString) -> Self {
        Self::Local { path: path.into(), cause: cause.to_string() }
    }

    /// Returns the exit code of the program. `--help` lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoKey(_) | Self::Refused { status: 401 | 403, .. } => 3,
            Self::Refused { status: 404, .. } => 4,
            Self::FileFailed(_) => 5,
            Self::Interrupted(_) => 130,
            Self::Item(_, failure) => failure.exit_code(),
            Self::Several { code, .. } => *code,
            Self::Usage(_) => 2,
            _ => 1,
        }
    }

    /// Adds the item that failed, unless the message already contains it.
    pub(crate) fn for_item(self, item: impl ToString) -> Self {
        let item = item.to_string();
        if self.to_string().contains(&item) { self } else { Self::Item(item, Box::new(self)) }
    }

    /// Returns whether the API refused the request (RFC 9110, section 15.5), so that the same request would be refused again.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { status: 400..=428 | 430..=499, .. })
    }

    /// Returns whether the API returned this reason code.
    pub(crate) fn has_reason(&self, expected: &str) -> bool {
        matches!(self, Self::Refused { reason, .. } if reason == expected)
    }
}
