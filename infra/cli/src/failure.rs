//! Why a command did not do what was asked, and how a script can tell.

use std::path::PathBuf;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No address or key, or a settings file that cannot be read.
    #[error("{0}")]
    Settings(String),
    /// There is no key.
    #[error("no API key: set FILES_API_KEY, or api_key in {}", .0.display())]
    NoKey(PathBuf),
    /// The API, or the storage, refused.
    #[error("{message}{}", if reason.is_empty() { String::new() } else { format!(" ({reason})") })]
    Refused {
        /// Its status.
        status: u16,
        /// Its stable word.
        reason: String,
        /// Its sentence.
        message: String,
        /// Fields that it names.
        fields: Vec<String>,
    },
    /// No answer, however often it was asked.
    #[error("no answer from {host}: {cause}")]
    Unreachable {
        /// Who did not answer.
        host: String,
        /// Why.
        cause: String,
    },
    /// An answer that makes no sense.
    #[error("an answer that cannot be understood: {0}")]
    Answer(String),
    /// A file of this machine.
    #[error("{}: {cause}", path.display())]
    Local {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The file has failed on the other side.
    #[error("{0}")]
    FileFailed(String),
    /// Ctrl-C; true if the same command resumes.
    #[error("interrupted{}", if *.0 { "; the same command resumes where this one stopped" } else { "" })]
    Interrupted(bool),
    /// A failure of one file or id of several.
    #[error("{0}: {1}")]
    Of(String, Box<Failure>),
    /// Some of several items; each failure was reported.
    #[error("{0} of them failed")]
    Several(usize, u8),
}

impl Failure {
    pub(crate) fn local(path: impl Into<PathBuf>, cause: impl ToString) -> Self {
        Self::Local { path: path.into(), cause: cause.to_string() }
    }

    /// The program's exit code; the help tells of them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoKey(_) | Self::Refused { status: 401 | 403, .. } => 3,
            Self::Refused { status: 404, .. } => 4,
            Self::FileFailed(_) => 5,
            Self::Interrupted(_) => 130,
            Self::Of(_, failure) => failure.exit_code(),
            Self::Several(_, code) => *code,
            _ => 1,
        }
    }

    /// The same with the name of the item that failed, unless the text has it.
    pub(crate) fn of(self, item: impl ToString) -> Self {
        let item = item.to_string();
        if self.to_string().contains(&item) { self } else { Self::Of(item, Box::new(self)) }
    }

    /// Whether the API refused for just this reason.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { reason, .. } if reason == wanted)
    }
}
