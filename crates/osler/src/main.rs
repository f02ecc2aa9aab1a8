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
mod code_kind;
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
mod predictions_file;
mod predictor;
mod progress;
mod reasoning;
mod records;
mod scaling_picture;
mod settings_file;
mod states;
mod stopped;
mod synthetic_events;
mod training_curves;
mod training_log;
mod truth_files;
mod tuning_check;
mod withheld;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    panic::tell_only_where();
    let cli = commands::Cli::parse();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            progress::to_standard_error(&format!("osler: {}", told(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, each once: some tell theirs in their own words already.
fn told(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.ends_with(&cause) {
            told += ": ";
            told += &cause;
        }
    }
    told
}

/// Whoever read our output (`| head`) has enough; that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_told_once() {
        let error = events::meds::read_labels(std::path::Path::new("/nowhere.parquet"))
            .context("the labels can't be read")
            .unwrap_err();
        assert_eq!(
            told(&error),
            "the labels can't be read: /nowhere.parquet: No such file or directory (os error 2)"
        );
    }
}
