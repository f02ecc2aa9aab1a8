//! `osler`: records in, a measured model out.
//!
//! This room owns the command line, configuration, files and directories, and the joints between the other
//! rooms. Everything that decides a number lives elsewhere.

mod attested;
mod broader;
mod canaries;
mod card;
mod certificates;
mod clock;
mod code_features;
mod commands;
mod crosswalk_file;
mod environment;
mod examples;
mod fhir_servers;
mod governance_directory;
mod grading;
mod kept_inputs;
mod key_file;
mod ledger;
mod lifecycle;
mod manifest;
mod measures;
mod memory;
mod model_directory;
mod output;
mod panic;
mod policy_file;
mod precision;
mod predictor;
mod progress;
mod reasoning;
mod records;
mod scaling_picture;
mod settings_file;
mod states;
mod synthetic_events;
mod training_curves;
mod training_log;
mod truth_files;
mod tuning_check;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    panic::tell_only_where();
    let cli = commands::Cli::parse();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("osler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever read our output (`| head`) has enough; that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
