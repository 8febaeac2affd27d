//! `files`: the CLI of the API for users, scripts and agents.

mod api;
mod arguments;
mod back_off;
mod checksum;
mod download;
mod each;
mod failure;
mod journal;
mod json;
mod local_file;
mod mcp;
mod paths;
mod plain;
mod print;
mod progress;
mod settings;
mod simple;
mod upload;
mod webhooks;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::api::Api;
use crate::arguments::{Arguments, Command, Webhooks};
use crate::failure::Failure;
use crate::print::Print;
use crate::settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // `files mcp` uses standard output for its protocol, and has no terminal to show progress on.
    let quiet = arguments.quiet || matches!(arguments.command, Command::Mcp(_));
    let print = Print::new(arguments.json, quiet);
    let resumes = arguments.command.resumes();
    let outcome = tokio::select! {
        outcome = run(arguments, &print) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted(resumes)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(arguments: Arguments, print: &Print) -> Result<(), Failure> {
    if let Command::Completions { shell } = arguments.command {
        clap_complete::generate(shell, &mut Arguments::command(), "files", &mut std::io::stdout());
        return Ok(());
    }
    arguments.command.check()?;
    if let Command::Webhooks(Webhooks::Listen(options)) = &arguments.command {
        return webhooks::listen(options, arguments.json, print).await; // it sends no request to the API
    }
    let settings = Settings::read(arguments.url.as_deref(), arguments.config.as_deref(), print)?;
    let api = Api::new(&settings)?;
    match arguments.command {
        Command::Upload(options) => upload::upload(&api, &options, print).await,
        Command::Import(options) => simple::import(&api, &options, print).await,
        Command::Preview(options) => simple::preview(&api, &options, print).await,
        Command::List(options) => simple::list(&api, &options, print).await,
        Command::Get { ids } => simple::get(&api, &ids, print).await,
        Command::Update(options) => simple::update(&api, &options, print).await,
        Command::Download(options) => download::download(&api, &options, print).await,
        Command::Link(options) => simple::link(&api, &options, print).await,
        Command::Mcp(options) => mcp::serve(api, &options.root).await,
        Command::Rm { ids } => simple::remove(&api, &ids, print).await,
        Command::Usage => simple::usage(&api, print).await,
        Command::Webhooks(Webhooks::List) => webhooks::list(&api, print).await,
        Command::Webhooks(Webhooks::Create(options)) => webhooks::create(&api, &options, print).await,
        Command::Webhooks(Webhooks::Rotate { id }) => webhooks::rotate(&api, &id, print).await,
        Command::Webhooks(Webhooks::Delete { ids }) => webhooks::delete(&api, &ids, print).await,
        Command::Webhooks(Webhooks::Listen(_)) | Command::Completions { .. } => Ok(()),
    }
}
