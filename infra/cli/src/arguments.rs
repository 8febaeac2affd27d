//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
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
  2  the command line makes no sense 130  interrupted
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
    /// Upload files. After an interruption, the same command sends only what is missing.
    Upload(Upload),
    /// Have the service fetch a URL.
    Import(Import),
    /// Show what importing a URL would bring, and import nothing.
    Preview {
        /// An http or https URL: of media, or of a page that shows some.
        #[arg(value_name = "URL")]
        source: String,
    },
    /// List files, newest first.
    List(List),
    /// Show files with all there is to say of them.
    Get {
        /// Ids of files.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Download files. After an interruption, the same command goes on where it stopped.
    Download(Download),
    /// Delete files.
    Rm {
        /// Ids of files.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Print a script that completes this command in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// What every way of creating a file takes.
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
    /// Wait until the file has been looked at, or has failed.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Upload {
    /// Files to upload.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Media type, instead of the one that the name's extension stands for.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Parts sent at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: u8,
    #[command(flatten)]
    pub(crate) create: Create,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// An http or https URL.
    #[arg(value_name = "URL")]
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) create: Create,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Most files to show.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u64,
    /// Only those that are so far: pending, running, success, failed.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Only video, audio, image or other.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Only those that came by upload, or by url.
    #[arg(long)]
    pub(crate) source: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Download {
    /// Ids of files.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Where to: a folder, or for one file a new path. This folder unless said.
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
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
