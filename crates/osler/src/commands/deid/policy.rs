//! `osler deid policy`: read a shipped policy, check one of a site's own.

use crate::policy_file;
use crate::progress::Voice;
use anyhow::Result;
use clap::Subcommand;
use deid::Policy;
use std::path::PathBuf;

/// Read the shipped policies, and check your own.
#[derive(Subcommand)]
#[command(after_help = "Examples:
  osler deid policy list
  osler deid policy show safe-harbor > ours.toml
  osler deid policy check ours.toml")]
pub enum Command {
    /// Name the shipped policies.
    List,
    /// Print a shipped policy, as TOML.
    Show {
        /// Its name.
        name: String,
    },
    /// Read a policy of your own, and say which rule of its label it breaks, if any.
    Check {
        /// The TOML file.
        file: PathBuf,
    },
}

impl Command {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self {
            Command::List if voice.json => {
                println!("{}", serde_json::json!(Policy::names().collect::<Vec<_>>()))
            }
            Command::List => Policy::names().for_each(|name| println!("{name}")),
            Command::Show { name } => print!("{}", Policy::named(&name)?.text()),
            Command::Check { file } => {
                let policy = policy_file::from_file(&file)?;
                let (name, label) = (policy.name(), policy.label().name());
                match voice.json {
                    true => println!("{}", serde_json::json!({ "name": name, "label": label })),
                    false => voice.say(format!("{}: `{name}`, a policy for {label}", file.display())),
                }
                if Policy::named(name).is_ok_and(|shipped| shipped.text() != policy.text()) {
                    voice.say(format!(
                        "warning: it is called `{name}` like a shipped policy, and isn't the same: whoever reads the name in a manifest takes it \
                         for that; give it a name of its own"
                    ));
                }
            }
        }
        Ok(())
    }
}
