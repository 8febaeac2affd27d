//! The command line.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::runtime::LayerFile;

/// The local cloud: API Gateway, Lambda, S3, SQS, DynamoDB, EventBridge and schedules in one process, from a SAM template.
#[derive(Clone, Debug, Parser)]
#[command(version, args_override_self = true)]
pub struct Options {
    /// Port of the API on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 8787)]
    pub port: u16,
    /// Folder of all data; created if it does not exist.
    #[arg(long, value_name = "DIR", default_value = ".local")]
    pub data: PathBuf,
    /// Folder of the functions' binaries [default: the one this program is in].
    #[arg(long, value_name = "DIR")]
    pub functions: Option<PathBuf>,
    /// The template [default: template.yaml here, else the one above this program].
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Value of a parameter of the template, instead of its default; `{api}` in the value stands for the API's address.
    /// Repeatable.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub parameters: Vec<(String, String)>,
    /// File for functions with layers, at this path below /opt. Repeatable.
    #[arg(long = "layer", value_name = "PATH=FILE", value_parser = name_and_value)]
    pub layers: Vec<(String, String)>,
    /// Folder of a web app, served to browsers at /.
    #[arg(long, value_name = "DIR")]
    pub web: Option<PathBuf>,
    /// Command that prepares the cloud before it is ready: `sh -c` runs it with the content of ready.json on its standard input,
    /// and LOCAL_API and LOCAL_DATA in its environment.
    #[arg(long, value_name = "COMMAND")]
    pub setup: Option<String>,
    /// An emulator such as QEMU runs the functions. It has a thread of its own, so functions' own limits of processes are
    /// ignored.
    #[arg(long)]
    pub emulated: bool,
    /// Record the functions' requests to the services in a file of this folder, for `check-policies`.
    #[arg(long, value_name = "DIR")]
    pub record_requests: Option<PathBuf>,
    /// Address of a receiver of segments in place of the X-Ray daemon, for functions whose `Tracing` is `Active` [default: none
    /// receives them].
    #[arg(long, value_name = "IP:PORT")]
    pub xray_daemon: Option<std::net::SocketAddr>,
    /// Inject faults: a number is the seed of a mix of faults, anything else a file of rules (JSON).
    #[arg(long, value_name = "SEED|FILE")]
    pub faults: Option<String>,
}

impl Options {
    /// Returns the folder of the functions' binaries.
    ///
    /// # Errors
    /// The folder does not exist.
    pub fn functions(&self) -> Result<PathBuf> {
        let folder = match &self.functions {
            Some(folder) => folder.clone(),
            None => folder_of_program()?,
        };
        folder.canonicalize().with_context(|| format!("no folder {}", folder.display()))
    }

    /// Returns the path of the template.
    ///
    /// # Errors
    /// No template is found.
    pub fn template(&self) -> Result<PathBuf> {
        if let Some(file) = &self.template {
            return Ok(file.clone());
        }
        let program = folder_of_program()?;
        let above = program.ancestors().map(|folder| folder.join("template.yaml"));
        let mut candidates = std::iter::once(PathBuf::from("template.yaml")).chain(above);
        candidates.find(|file| file.is_file()).context("no template.yaml here; name one with --template")
    }

    /// Returns the files of the functions' layers.
    ///
    /// # Errors
    /// A file does not exist, or its path is not below `/opt`.
    pub fn layer_files(&self) -> Result<Vec<LayerFile>> {
        self.layers.iter().map(|(at, file)| layer_file(Path::new(at), Path::new(file))).collect()
    }
}

fn layer_file(at: &Path, file: &Path) -> Result<LayerFile> {
    let below = at.components().all(|part| matches!(part, Component::Normal(_)));
    ensure!(below, "--layer {}=…: give a path below /opt, such as bin/tool", at.display());
    let absolute = std::path::absolute(file).context("--layer without a file")?;
    ensure!(absolute.is_file(), "--layer {}={}: there is no such file", at.display(), file.display());
    Ok(LayerFile { at: at.to_owned(), file: absolute })
}

/// Splits `NAME=VALUE` at its first `=`.
///
/// # Errors
/// The text has no `=`.
pub fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn folder_of_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    Ok(program.parent().unwrap_or(Path::new("/")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_parsed() {
        let defaults = Options::parse_from(["files-local"]);
        assert_eq!((defaults.port, defaults.data.to_str()), (8787, Some(".local")));
        assert_eq!((&defaults.faults, &defaults.web, &defaults.setup), (&None, &None, &None));
        let given =
            "files-local --port 0 --data d --functions f --template t --faults 7 --parameter A=b=c --web w";
        let given = Options::parse_from(given.split(' '));
        assert_eq!((given.faults.as_deref(), given.web.as_deref()), (Some("7"), Some(Path::new("w"))));
        assert_eq!(given.parameters, [("A".to_owned(), "b=c".to_owned())]);
        assert!(Options::try_parse_from(["files-local", "--parameter", "A"]).is_err());
        assert_eq!(given.template().unwrap(), PathBuf::from("t"));
        assert!(Options { functions: Some("/nowhere".into()), ..given }.functions().is_err());
    }

    #[test]
    fn a_layer_needs_an_existing_file_and_a_path_below_opt() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let layers = |at: &str, file: &Path| {
            let layer = format!("--layer={at}={}", file.display());
            Options::parse_from(["files-local", &layer]).layer_files()
        };
        let [layer] = &*layers("bin/tool", file.path()).unwrap() else { panic!("one layer") };
        assert_eq!((layer.at.as_path(), layer.file.as_path()), (Path::new("bin/tool"), file.path()));
        for wrong in ["/bin/tool", "../tool"] {
            assert!(layers(wrong, file.path()).is_err(), "{wrong}");
        }
        let missing = layers("bin/tool", Path::new("nowhere/tool")).unwrap_err().to_string();
        assert!(missing.contains("nowhere/tool") && missing.contains("no such file"), "{missing}");
    }
}
