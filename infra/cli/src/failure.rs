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
    /// Ctrl-C.
    #[error("interrupted; the same command goes on where this one stopped")]
    Interrupted,
    /// Some of several; each was told of.
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
            Self::Interrupted => 130,
            Self::Several(_, code) => *code,
            _ => 1,
        }
    }

    /// Whether the API refused for just this reason.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { reason, .. } if reason == wanted)
    }
}

/// Does the same with several; one that fails is told of, and the others are done all the same.
pub(crate) async fn each<T>(
    items: &[T],
    print: &crate::print::Print,
    mut act: impl AsyncFnMut(&T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let [only] = items {
        return act(only).await;
    }
    let (mut failed, mut code) = (0, 0);
    for item in items {
        if let Err(failure) = act(item).await {
            print.failure(&failure);
            (failed, code) = (failed + 1, failure.exit_code());
        }
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Several(failed, code)) }
}
