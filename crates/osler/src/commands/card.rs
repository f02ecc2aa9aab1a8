//! `osler card`: a model card from the evidence at hand.

use crate::card::{Card, Material, Places};
use crate::governance_directory::{GovernanceArguments, GovernanceDirectory};
use crate::manifest::Kind;
use crate::output::{OutputDirectory, Provenance};
use crate::progress::Voice;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Write a model's card from the files at hand: what it is, what it is for, how well it does, for whom, what it gives away, and what isn't
/// known.
///
/// Writes card.html (one file, no network needed), card.md and card.json. Every figure stands with its n, its interval, and the file,
/// digest and place that it was read from. What no file holds is said to be not evaluated, or not stated: nothing is filled in.
/// Evaluations and audits of another model are refused. Sections are named as in Mitchell et al. 2019, fields as in CHAI's
/// Applied Model Card.
#[derive(Args)]
#[command(after_help = "Examples:
  osler card --model model --out card
  osler card --model model --events events --report report --audit audit --about about.toml --out card
  osler card --model model --report here --report elsewhere --governance site --out card

What only the site can say stands in a TOML file, a key and a text (or a list of texts) a line; docs/card.md names all keys:
  name = \"Ward risk\"
  intended_use = \"Shown to ward physicians on admission, beside the record\"
  out_of_scope = [\"children\", \"deciding on treatment\"]")]
pub struct Arguments {
    /// A directory that `osler train` or `osler calibrate` wrote.
    #[arg(long)]
    model: PathBuf,
    /// The events that it was trained on, to tell how they were de-identified. May be given several times.
    #[arg(long, value_name = "DIR")]
    events: Vec<PathBuf>,
    /// An evaluation of it (`osler evaluate`). May be given several times.
    #[arg(long, value_name = "DIR")]
    report: Vec<PathBuf>,
    /// A privacy audit of it (`osler audit`). May be given several times.
    #[arg(long, value_name = "DIR")]
    audit: Vec<PathBuf>,
    /// Grades of its reasoning against a known truth (`osler grade`). May be given several times.
    #[arg(long, value_name = "DIR")]
    grades: Vec<PathBuf>,
    /// What the site says of it: intended use, users, risks, contact; see below.
    #[arg(long, value_name = "FILE")]
    about: Option<PathBuf>,
    #[command(flatten)]
    governance: GovernanceArguments,
    /// The directory to write.
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    force: bool,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let governance = self.governance.path().map(|path| GovernanceDirectory::open(&path)).transpose()?;
        let places = Places {
            model: &self.model,
            events: &self.events,
            reports: &self.report,
            audits: &self.audit,
            grades: &self.grades,
            about: self.about.as_deref(),
        };
        let material = Material::read(&places, governance.as_ref())?;
        let card = Card::of(&material);
        let output = OutputDirectory::create(&self.out, Kind::Card, self.force)?;
        let json = card.to_json()?;
        for (name, text) in
            [("card.html", &card.to_html()), ("card.md", &card.to_markdown()), ("card.json", &json)]
        {
            let path = output.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        output.finish(Provenance {
            dataset: card.dataset.clone(),
            synthetic: card.synthetic,
            settings: serde_json::json!({ "model": card.model_digest }),
            inputs: material.inputs(),
            counts: serde_json::json!({ "sources": card.sources.len(), "not_known": card.not_known.len() }),
            deidentification: None,
        })?;
        match voice.json {
            true => print!("{json}"),
            false => {
                card.answer.iter().for_each(|sentence| voice.say(sentence));
                voice.say(format!("→ {}", self.out.join("card.html").display()));
            }
        }
        Ok(())
    }
}
