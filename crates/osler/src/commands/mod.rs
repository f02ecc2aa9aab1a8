//! The verbs, one file each, in the order of the flow.

mod access;
mod adopt;
mod audit;
mod baseline;
mod bench;
mod calibrate;
mod card;
mod deid;
mod demo;
mod doctor;
mod evaluate;
mod grade;
mod ingest;
mod key;
mod label;
mod ledger;
mod model;
mod moments;
mod predict;
mod read_out;
mod reason;
mod serve;
mod simulate;
mod synth;
mod tokenize;
mod train;

pub use model::{digest_of, name_of};
pub use simulate::{never_drawn, valued_shares};
pub use tokenize::REFERENCE_FILE;

use crate::progress::Voice;
use anyhow::Result;
use clap::{Parser, Subcommand};

/// Turns a health system's own records into a clinical foundation model that it owns, validates and serves.
///
/// Not a medical device. Every clinical output says what it is, and a clinician decides.
#[derive(Parser)]
#[command(name = "osler", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// One JSON object on standard output, for scripts.
    #[arg(long, global = true)]
    json: bool,
    /// Nothing but errors and results.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Synth(synth::Arguments),
    Key(key::Arguments),
    Ingest(ingest::Arguments),
    Deid(deid::Arguments),
    Tokenize(tokenize::Arguments),
    Train(train::Arguments),
    Adopt(adopt::Arguments),
    Calibrate(calibrate::Arguments),
    Label(label::Arguments),
    Predict(predict::Arguments),
    Baseline(baseline::Arguments),
    Simulate(simulate::Arguments),
    Evaluate(evaluate::Arguments),
    Reason(Box<reason::Arguments>),
    Grade(grade::Arguments),
    Audit(audit::Arguments),
    Serve(serve::Arguments),
    Access(access::Arguments),
    Ledger(ledger::Arguments),
    Model(model::Arguments),
    Card(card::Arguments),
    Bench(bench::Arguments),
    Doctor(doctor::Arguments),
}

impl Cli {
    /// Runs the chosen verb.
    pub fn run(self) -> Result<()> {
        let voice = Voice { json: self.json, quiet: self.quiet };
        match self.command {
            Command::Demo(arguments) => arguments.run(voice),
            Command::Synth(arguments) => arguments.run(voice),
            Command::Key(arguments) => arguments.run(voice),
            Command::Ingest(arguments) => arguments.run(voice),
            Command::Deid(arguments) => arguments.run(voice),
            Command::Tokenize(arguments) => arguments.run(voice),
            Command::Train(arguments) => arguments.run(voice),
            Command::Adopt(arguments) => arguments.run(voice),
            Command::Calibrate(arguments) => arguments.run(voice),
            Command::Label(arguments) => arguments.run(voice),
            Command::Predict(arguments) => arguments.run(voice),
            Command::Baseline(arguments) => arguments.run(voice),
            Command::Simulate(arguments) => arguments.run(voice),
            Command::Evaluate(arguments) => arguments.run(voice),
            Command::Reason(arguments) => arguments.run(voice),
            Command::Grade(arguments) => arguments.run(voice),
            Command::Audit(arguments) => arguments.run(voice),
            Command::Serve(arguments) => arguments.run(voice),
            Command::Access(arguments) => arguments.run(voice),
            Command::Ledger(arguments) => arguments.run(voice),
            Command::Model(arguments) => arguments.run(voice),
            Command::Card(arguments) => arguments.run(voice),
            Command::Bench(arguments) => arguments.run(voice),
            Command::Doctor(arguments) => arguments.run(voice),
        }
    }
}

/// Threads to use: what was asked for, else what the machine has.
fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get())).max(1)
}
