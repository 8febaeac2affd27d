//! The command line.

use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::failure::Failure;

const AFTER_HELP: &str = "\
Settings:
  FILES_URL      URL of the API, such as https://files.example/v1
  FILES_API_KEY  API key; there is no option for it, because other users can see the command line
  FILES_CONFIG   settings file instead of ~/.config/files/config.toml
  URL and key may be set in ~/.config/files/config.toml instead (with file mode 600):
    url = \"https://files.example/v1\"
    api_key = \"fm_…\"

Exit codes:
  0  success                         4  no such file
  1  failure                         5  the file has failed (with --wait)
  2  invalid command line            130  interrupted
  3  API key missing or refused";

/// The heading of the options of all commands.
const GLOBAL: &str = "Options of all commands";

/// Uploads, imports, lists, downloads and deletes files.
#[derive(Debug, Parser)]
#[command(name = "files", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Arguments {
    // FILES_URL and FILES_CONFIG are read with the settings, so that usage lines do not show these options as given.
    /// URL of the API. Default: FILES_URL.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) url: Option<String>,
    /// Settings file. Default: FILES_CONFIG, or ~/.config/files/config.toml.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = GLOBAL)]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, one object per line.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// Show no progress and no notes.
    #[arg(long, short, global = true, help_heading = GLOBAL)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Upload files. After an interruption, the same command resumes: it sends only the missing parts.
    Upload(Upload),
    /// Import a file from a URL: the service fetches it.
    Import(Import),
    /// Show what importing a URL would store, without importing it.
    Preview(Preview),
    /// List files, newest first.
    List(List),
    /// Show all fields of files.
    Get {
        /// Ids of files.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Change the name, the metadata or the expiry of a file.
    Update(Update),
    /// Download files. After an interruption, the same command resumes.
    Download(Download),
    /// Print presigned URLs, which need no API key.
    Link(Link),
    /// Delete files.
    Rm {
        /// Ids of files.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Show the usage and the limits of the key's owner.
    Usage,
    /// Manage webhook endpoints, or receive events on this machine.
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Serve the Model Context Protocol on standard input and output, for agents.
    Mcp(Mcp),
    /// Print a shell completion script.
    Completions {
        /// Shell to complete in.
        shell: Shell,
    },
}

impl Command {
    /// Returns whether running the same command again resumes after an interruption.
    pub(crate) fn resumes(&self) -> bool {
        matches!(self, Self::Upload(_) | Self::Import(_) | Self::Download(_))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// List the endpoints, without their secrets.
    List,
    /// Create an endpoint, and show its secret this once.
    Create(CreateEndpoint),
    /// Replace the secret of an endpoint, and show the new one this once.
    Rotate {
        /// Id of an endpoint; "default" for the secret of --webhook.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Delete endpoints.
    Delete {
        /// Ids of endpoints.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Receive events on this machine, verify them by the secret in FILES_WEBHOOK_SECRET, and print them.
    Listen(Listen),
}

#[derive(Debug, Args)]
pub(crate) struct CreateEndpoint {
    /// An http or https URL at a public address.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) endpoint_url: String,
    /// A kind of event that it gets, instead of all. May be repeated.
    #[arg(long = "event", value_name = "KIND")]
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// The port of 127.0.0.1.
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
}

/// Options for creating a file.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the file. Default: the name of the local file or of the source.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Metadata to store with the file. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Delete the file after this number of seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires_in: Option<u64>,
    /// A URL that receives an event when the file is done.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) webhook: Option<String>,
    /// Wait until the file is probed or has failed.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Upload {
    /// Files, folders, patterns such as "*.mp4", or - for standard input (needs --name).
    ///
    /// A folder stands for all files in it and below it, without names that start with a dot and without symbolic links. Files are
    /// named without their folders. A file that is given twice is uploaded once.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Media type. Default: the one of the name's extension.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Number of parts of one file to upload concurrently.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: u8,
    /// Number of files to upload concurrently.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) files: u8,
    #[command(flatten)]
    pub(crate) create: Create,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// An http or https URL: of media, or of a web page that shows media.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) source: String,
    /// A header for the server of the URL. May be repeated. Other users of this machine can see the command line.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) create: Create,
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// An http or https URL: of media, or of a web page that shows media.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) source: String,
    /// A header for the server of the URL. May be repeated. Other users of this machine can see the command line.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Maximum number of files to show.
    #[arg(long, default_value_t = 50, value_parser = at_least_one)]
    pub(crate) limit: u64,
    /// Order: newest (desc) or oldest (asc) first.
    #[arg(long)]
    pub(crate) order: Option<Order>,
    /// Show only files with this status.
    #[arg(long)]
    pub(crate) status: Option<Status>,
    /// Show only files of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<MediaType>,
    /// Show only files from this source.
    #[arg(long)]
    pub(crate) source: Option<Source>,
}

/// Declares an enum of option values with the names of the API. Shells can complete them.
macro_rules! values {
    ($name:ident: $($value:ident = $text:literal),+) => {
        #[derive(Clone, Copy, Debug, ValueEnum)]
        pub(crate) enum $name { $(#[value(name = $text)] $value),+ }

        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$value => $text),+ })
            }
        }
    };
}

values!(Order: Asc = "asc", Desc = "desc");
values!(Status: Pending = "pending", Running = "running", Success = "success", Failed = "failed");
values!(MediaType: Video = "video", Audio = "audio", Image = "image", Other = "other");
values!(Source: Upload = "upload", Url = "url");
values!(Event: Succeeded = "file.succeeded", Failed = "file.failed", Expired = "file.expired");

#[derive(Debug, Args)]
pub(crate) struct Download {
    /// Ids of files.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Folder, or path of the new file if there is one ID. Default: the current folder.
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) output: Option<PathBuf>,
    /// Replace existing files.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "metadata", "no_metadata", "expires_in", "no_expiry"]))]
pub(crate) struct Update {
    /// Id of the file.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The new name. Download URLs with the old one stay valid.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Metadata to store. May be repeated; replaces all metadata of the file.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Remove all metadata.
    #[arg(long, conflicts_with = "metadata")]
    pub(crate) no_metadata: bool,
    /// Delete the file after this number of seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires_in: Option<u64>,
    /// Remove the expiry.
    #[arg(long, conflicts_with = "expires_in")]
    pub(crate) no_expiry: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Mcp {
    /// Folder that agents may upload from.
    #[arg(long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) root: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Link {
    /// Ids of files.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Lifetime of the URL in seconds. It can end earlier, with the credentials that signed it.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u16).range(60..=3600))]
    pub(crate) expires_in: u16,
    /// Let browsers show audio, video and images instead of saving them.
    #[arg(long)]
    pub(crate) inline: bool,
}

impl Command {
    /// Checks what the parser cannot: that no key of repeated options is given twice.
    ///
    /// # Errors
    /// [`Failure::Usage`], which names the key.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let (metadata, headers): (&[_], &[_]) = match self {
            Self::Upload(options) => (&options.create.metadata, &[]),
            Self::Import(options) => (&options.create.metadata, &options.headers),
            Self::Preview(options) => (&[], &options.headers),
            Self::Update(options) => (&options.metadata, &[]),
            _ => return Ok(()),
        };
        distinct("--metadata", metadata.iter().map(|(key, _)| key.clone()))?;
        distinct("--header", headers.iter().map(|(name, _)| name.to_ascii_lowercase()))
    }
}

fn distinct(option: &str, keys: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key.clone()) {
            return Err(Failure::Usage(format!("{option} {key} is given twice")));
        }
    }
    Ok(())
}

fn at_least_one(text: &str) -> Result<u64, String> {
    let number = text.parse().map_err(|_| "must be a number")?;
    if number == 0 { Err("must be at least 1".to_owned()) } else { Ok(number) }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("must be NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_key_is_given_once() {
        let parsed = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap().command;
        for line in [
            "files upload x --metadata a=1 --metadata a=2",
            "files update x --metadata a=1 --metadata a=1",
            "files import x -H Referer:1 -H referer:2",
            "files preview x -H A:1 -H A:2",
        ] {
            let failure = parsed(line).check().unwrap_err();
            assert!(failure.exit_code() == 2 && failure.to_string().ends_with("is given twice"), "{failure}");
        }
        parsed("files import x -H A:1 -H B:1 --metadata A=1 --metadata a=1").check().unwrap();
    }

    #[test]
    fn help_and_usage_are_clear() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.starts_with("Uploads, imports"), "{help}");
        let error = Arguments::try_parse_from(["files", "list", "--limit", "0"]).unwrap_err().to_string();
        assert!(error.contains("must be at least 1"), "{error}");
        let mut command = Arguments::command();
        command.build();
        let upload = command.find_subcommand_mut("upload").unwrap().render_long_help().to_string();
        let (own, global) = upload.split_once(GLOBAL).unwrap();
        assert!(own.contains("--content-type") && global.contains("--url"), "{upload}");
    }

    #[test]
    fn no_option_takes_a_key() {
        let command = Arguments::command();
        let of_subcommands = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let mut names =
            command.get_arguments().chain(of_subcommands).map(|argument| argument.get_id().as_str());
        assert!(names.all(|name| !name.contains("key")));
    }
}
