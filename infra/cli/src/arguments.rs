//! The command line.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

const AFTER_HELP: &str = "\
Settings:
  FILES_URL      address of the API, such as https://files.example/v1
  FILES_API_KEY  the API key; it is never taken from the command line, where others could see it
  Both may stand in ~/.config/files/config.toml instead (readable by you alone):
    url = \"https://files.example/v1\"
    api_key = \"fm_…\"

Exit codes:
  0  done                            4  no such file
  1  failed                          5  the file itself failed (with --wait)
  2  the command line is wrong       130  interrupted
  3  the API key is refused, or there is none";

/// Uploads, imports, lists, downloads and deletes files.
#[derive(Debug, Parser)]
#[command(name = "files", version, about, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Address of the API.
    #[arg(long, global = true, env = "FILES_URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// Settings file instead of ~/.config/files/config.toml.
    #[arg(long, global = true, env = "FILES_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Upload files. After an interruption, the same command resumes: it sends only the missing parts.
    Upload(Upload),
    /// Have the service fetch a URL.
    Import(Import),
    /// Show what importing a URL would bring, and import nothing.
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
    /// Print presigned URLs, which need no key.
    Link(Link),
    /// Delete files.
    Rm {
        /// Ids of files.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Show what the key's owner uses, and its limits.
    Usage,
    /// Serve the Model Context Protocol on standard input and output, for agents.
    Mcp(Mcp),
    /// Print a script that completes this command in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

impl Command {
    /// Whether the same command resumes after an interruption.
    pub(crate) fn resumes(&self) -> bool {
        matches!(self, Self::Upload(_) | Self::Import(_) | Self::Download(_))
    }
}

/// Options of every way to create a file.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the file, instead of its own.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// One of your own strings, kept with the file. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Delete the file after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires_in: Option<u64>,
    /// Wait until the file is probed or has failed; shows the progress of an import.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Upload {
    /// Files, folders with all files below them, patterns such as "*.mp4", or - for standard input (needs --name).
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Media type, instead of the one that the name's extension stands for.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Parts of one file sent at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: u8,
    /// Files sent at the same time.
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
    /// Most files to show.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// Newest (desc) or oldest (asc) first.
    #[arg(long)]
    pub(crate) order: Option<Order>,
    /// Only files of this status.
    #[arg(long)]
    pub(crate) status: Option<Status>,
    /// Only files of this kind.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<MediaType>,
    /// Only files of this source.
    #[arg(long)]
    pub(crate) source: Option<Source>,
}

/// Declares values that a shell completes, named as in the API.
macro_rules! values {
    ($name:ident: $($value:ident = $text:literal),+) => {
        #[derive(Clone, Copy, Debug, ValueEnum)]
        pub(crate) enum $name { $($value),+ }

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

#[derive(Debug, Args)]
pub(crate) struct Download {
    /// Ids of files.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// A folder, or for one file a new path. Default: this folder.
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
    /// One of your own strings. May be repeated; together they replace all that are kept with the file.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Remove all metadata.
    #[arg(long, conflicts_with = "metadata")]
    pub(crate) no_metadata: bool,
    /// Delete the file after so many seconds from now.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires_in: Option<u64>,
    /// Keep the file until it is deleted.
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
    /// Seconds that the URL lives; it can end earlier with the credentials that signed it.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u16).range(60..=3600))]
    pub(crate) expires_in: u16,
    /// Have browsers show audio, video and images instead of saving them.
    #[arg(long)]
    pub(crate) inline: bool,
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
    fn no_option_takes_a_key() {
        let command = Arguments::command();
        let of_subcommands = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let mut names =
            command.get_arguments().chain(of_subcommands).map(|argument| argument.get_id().as_str());
        assert!(names.all(|name| !name.contains("key")));
    }
}
