//! `osler demo`: the whole flow on a synthetic population.

use super::{evaluate, ingest, predict, serve, synth, tokenize, train};
use crate::fhir_servers::FhirServerArguments;
use crate::governance_directory::GovernanceArguments;
use crate::kept_inputs::KeptInputArguments;
use crate::key_file;
use crate::precision::PrecisionArguments;
use crate::progress::{Voice, seconds};
use crate::stopped::HeardElsewhere;
use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Do it all, on people who don't exist: records → events → timelines → model → report → server.
#[derive(Args)]
#[command(after_help = "Examples:
  osler demo
  osler demo --subjects 500 --no-serve --out /tmp/osler-demo")]
pub struct Arguments {
    /// How many people.
    #[arg(long, default_value_t = 4000)]
    subjects: u64,
    /// The seed of population and model.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// An upper bound on training steps.
    #[arg(long, default_value_t = 1000)]
    max_steps: u64,
    /// Where everything goes; an earlier demo there is replaced.
    #[arg(long, default_value = "osler-demo")]
    out: PathBuf,
    /// End after the report.
    #[arg(long)]
    no_serve: bool,
    /// Where the server listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let started = Instant::now();
        if self.out.exists() && !self.out.join(MARK).is_file() {
            bail!("{} exists and is no earlier demo; choose another --out", self.out.display());
        }
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create {}", self.out.display()))?;
        std::fs::write(self.out.join(MARK), "made by osler demo; may be deleted\n")
            .context("cannot write the demo's mark")?;
        let at = |name: &str| self.out.join(name);

        voice.say("1/6 a synthetic population, as a hospital would export it");
        step::<synth::Arguments>(
            &["--subjects", &self.subjects.to_string(), "--seed", &self.seed.to_string()],
            &at("population"),
            &[],
        )?
        .synthesize(voice)?;

        voice.say("2/6 records in, de-identified events out");
        let key = at("site.key");
        if !key.exists() {
            key_file::write_new(&key)?;
        }
        let key = key_file::read(Some(&key))?;
        let mut arguments = step::<ingest::Arguments>(
            // Many are held out, so that the report has something to measure.
            &["--from", "fhir", "--synthetic", "--splits", "0.6,0.1,0.3"],
            &at("events"),
            &[&at("population/fhir")],
        )?;
        arguments.name = Some(format!("synthetic population of {}", self.subjects));
        arguments.ingest(&key, voice)?;

        voice.say("3/6 events to timelines");
        step::<tokenize::Arguments>(&[], &at("timeline"), &[&at("events")])?.tokenize(voice)?;

        voice.say("4/6 a small model learns them");
        let steps = self.max_steps.to_string();
        let recipe = at("train.toml");
        std::fs::write(&recipe, RECIPE).with_context(|| format!("cannot write {}", recipe.display()))?;
        let settings = [
            "--config",
            path(&recipe)?,
            "--max-steps",
            &steps,
            "--seed",
            &self.seed.to_string(),
            "--evaluate-every",
            "100",
        ];
        step::<train::Arguments>(&settings, &at("model"), &[&at("timeline")])?.train(voice)?;

        voice.say("5/6 predictions for people it never saw, and how good they are");
        let model = at("model");
        let settings = ["--model", path(&model)?, "--horizons", "1y,5y"];
        step::<predict::Arguments>(&settings, &at("predictions"), &[&at("events")])?.predict(voice)?;
        let events = at("events");
        let settings = ["--draws", "200", "--events", path(&events)?];
        step::<evaluate::Arguments>(&settings, &at("report"), &[&at("predictions")])?.evaluate(voice)?;

        voice.say(format!(
            "done in {}: open {}",
            seconds(started.elapsed()),
            at("report/report.html").display()
        ));
        if self.no_serve {
            return Ok(());
        }
        voice.say("6/6 the server");
        let _heard = HeardElsewhere::new();
        serve::Arguments {
            reference: None,
            omop_vocabulary: None,
            fhir: FhirServerArguments::default(),
            inputs: KeptInputArguments::default(),
            reference_people: 0,
            k: 10,
            model: vec![at("model").into()],
            cds_model: None,
            mirror: None,
            listen: self.listen,
            governance: GovernanceArguments { governance: None },
            precision: PrecisionArguments::default(),
            tls_certificate: None,
            tls_key: None,
            otlp: None,
            state_memory: serve::DEFAULT_STATE_MIB,
        }
        .run(voice)
    }
}

/// For a few thousand people a small model does; `osler train --config` takes the same file.
const RECIPE: &str = "\
size = \"tiny\"

[model]
width = 64
layers = 2
heads = 2
key_value_heads = 2
feed_forward = 192
";

/// Says that a directory is a demo's, and may be replaced by the next.
const MARK: &str = ".osler-demo";

/// The arguments that a user would give to one verb.
fn step<A: Args>(settings: &[&str], out: &Path, sources: &[&Path]) -> Result<A> {
    #[derive(Parser)]
    struct One<A: Args> {
        #[command(flatten)]
        arguments: A,
    }
    let mut words = vec!["osler", "--force", "--out", path(out)?];
    words.extend(settings);
    for source in sources {
        words.push(path(source)?);
    }
    Ok(One::<A>::try_parse_from(words)?.arguments)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not Unicode", path.display()))
}
