//! The command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;

/// The local cloud: API Gateway, Lambda, S3, SQS, DynamoDB and schedules in one process, from template.yaml.
#[derive(Clone, Debug, Parser)]
#[command(version, args_override_self = true)]
pub struct Options {
    /// Port of the API on 127.0.0.1; 0 takes any that is free.
    #[arg(long, default_value_t = 8787)]
    pub port: u16,
    /// Folder that everything is kept in; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = ".local")]
    pub data: PathBuf,
    /// Folder of the functions' binaries [default: the one this program is in].
    #[arg(long, value_name = "DIR")]
    pub functions: Option<PathBuf>,
    /// The template [default: template.yaml here, else the one above this program].
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// A host that imports may reach although it is private or on another port than 80 and 443. Repeatable.
    #[arg(long = "allow-import-host", value_name = "HOST")]
    pub allow_import_hosts: Vec<String>,
    /// A parameter of the template that has another value than its default. Repeatable.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub parameters: Vec<(String, String)>,
    /// The functions are run by an emulator such as QEMU's, which has a thread of its own: limits of processes that they set
    /// have no effect.
    #[arg(long)]
    pub emulated: bool,
    /// Write down in a file of this folder what functions ask of the services, for `check-policies`.
    #[arg(long, value_name = "DIR")]
    pub record_requests: Option<PathBuf>,
    /// Be as unkind as AWS on a bad day: a number is the seed of a mix of faults, else it is a file of rules (JSON).
    #[arg(long, value_name = "SEED|FILE")]
    pub faults: Option<String>,
}

impl Options {
    /// The folder of the functions' binaries.
    ///
    /// # Errors
    /// The folder is not there.
    pub fn functions(&self) -> Result<PathBuf> {
        let folder = match &self.functions {
            Some(folder) => folder.clone(),
            None => folder_of_program()?,
        };
        folder.canonicalize().with_context(|| format!("no folder {}", folder.display()))
    }

    /// The template's file.
    ///
    /// # Errors
    /// There is none.
    pub fn template(&self) -> Result<PathBuf> {
        if let Some(file) = &self.template {
            return Ok(file.clone());
        }
        let program = folder_of_program()?;
        let above = program.ancestors().map(|folder| folder.join("template.yaml"));
        let mut candidates = std::iter::once(PathBuf::from("template.yaml")).chain(above);
        candidates.find(|file| file.is_file()).context("no template.yaml here; name one with --template")
    }

    /// The folder of the web page: beside the template, whether it has been built or not.
    ///
    /// # Errors
    /// There is no template.
    pub fn page(&self) -> Result<PathBuf> {
        Ok(self.template()?.parent().unwrap_or(Path::new("")).join("infra/web/dist"))
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn folder_of_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("it is not known where this program is")?;
    Ok(program.parent().unwrap_or(Path::new("/")).to_owned())
}

/// ffprobe: what the variable FILES_FFPROBE names, else the layer's, which the build puts beside this program.
///
/// # Errors
/// It is not there.
pub fn ffprobe() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("FILES_FFPROBE").filter(|path| !path.is_empty()) {
        let path = std::path::absolute(path).context("FILES_FFPROBE names no file")?;
        ensure!(path.is_file(), "FILES_FFPROBE names {}, which is no file", path.display());
        return Ok(path);
    }
    let path = folder_of_program()?.join("ffprobe");
    ensure!(
        path.is_file(),
        "no {}: `make build` builds the layer's, or FILES_FFPROBE names another",
        path.display()
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_the_manual() {
        let defaults = Options::parse_from(["files-local"]);
        assert_eq!((defaults.port, defaults.data.to_str()), (8787, Some(".local")));
        let given = "files-local --port 0 --data d --functions f --template t --allow-import-host a --allow-import-host b --faults 7 --parameter A=b=c";
        let given = Options::parse_from(given.split(' '));
        assert_eq!(given.allow_import_hosts, ["a", "b"]);
        assert_eq!((&defaults.faults, given.faults.as_deref()), (&None, Some("7")));
        assert_eq!(given.parameters, [("A".to_owned(), "b=c".to_owned())]);
        assert!(Options::try_parse_from(["files-local", "--parameter", "A"]).is_err());
        assert_eq!(given.template().unwrap(), PathBuf::from("t"));
        assert_eq!(given.page().unwrap(), PathBuf::from("infra/web/dist"));
        assert!(Options { functions: Some("/nowhere".into()), ..given }.functions().is_err());
    }
}
