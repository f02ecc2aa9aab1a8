//! `osler model`: the leash. Where models stand, and the steps that people approve.

mod evidence;

use crate::clock;
use crate::governance_directory::{GovernanceArguments, GovernanceDirectory, read_signing_key};
use crate::key_file::{create_public, create_secret};
use crate::lifecycle::{TakingSteps, history, models, policy};
use crate::manifest::{Kind, Manifest};
use crate::progress::Voice;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use evidence::EvidenceArguments;
use govern::SigningKey;
use govern::ledger::{Record, StageChange};
use govern::lifecycle::{History, SignedStep, Stage, Step};
use govern::stamp;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Where models stand (draft → validated → silent → live → retired), and who let them.
///
/// People sign steps, each with a key of their own (`model key`, `model sign`); `model promote` and `model demote`
/// take a step once it has the approvals that the site's policy.toml asks for.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    governance: GovernanceArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Make a person's signing key. The public half goes into policy.toml, under the person's role.
    #[command(after_help = "Example:\n  osler model key --out clinician.key")]
    Key {
        /// The file to write, for its owner alone; an existing one is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Register criteria, before the evaluation that is to meet them is made.
    #[command(after_help = "Example:\n  osler model register --governance site criteria.toml")]
    Register {
        /// What an evaluation must show.
        criteria: PathBuf,
    },
    /// The models that have taken a step, with where they stand.
    #[command(after_help = "Example:\n  osler model list --governance site")]
    List,
    /// Approve a step with a person's key. Writes a file to hand to whoever takes the step.
    #[command(after_help = "Example:
  osler model sign --governance site --model model --to live --role clinician --key clinician.key \\
    --reason 'silent for six weeks, see minutes of 12 May' --report report --predictions predictions \\
    --criteria criteria.toml --out clinician.json")]
    Sign {
        #[command(flatten)]
        step: StepArguments,
        /// The role for which the key speaks.
        #[arg(long)]
        role: String,
        /// The person's signing key.
        #[arg(long)]
        key: PathBuf,
        /// The file to write; an existing one is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Take a model one stage on, with its approvals.
    #[command(after_help = "Example:
  osler model promote --governance site --model model --to live --reason 'silent for six weeks, see minutes of 12 May' \\
    --report report --predictions predictions --criteria criteria.toml clinician.json governance.json")]
    Promote {
        #[command(flatten)]
        step: StepArguments,
        /// Files that `osler model sign` wrote.
        approvals: Vec<PathBuf>,
    },
    /// Take a model back, to an earlier stage or to the end. It holds on running servers within two seconds.
    #[command(after_help = "Example:
  osler model demote --governance site --model model --to silent --reason 'alerts doubled' governance.json")]
    Demote {
        #[command(flatten)]
        step: StepArguments,
        /// Files that `osler model sign` wrote.
        approvals: Vec<PathBuf>,
    },
    /// Check a model's weights, and every step and signature that lets it stand where it does.
    #[command(after_help = "Example:\n  osler model verify --governance site --model model")]
    Verify {
        /// A directory that `osler train` wrote.
        #[arg(long)]
        model: PathBuf,
    },
}

#[derive(Args)]
struct StepArguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    model: PathBuf,
    /// The stage to go to: validated, silent, live or retired.
    #[arg(long)]
    to: Stage,
    /// Why, in a sentence; what is signed holds it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    evidence: EvidenceArguments,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self.command {
            Command::Key { out } => new_key(&out, voice),
            Command::Register { criteria } => {
                evidence::register(&self.governance.open_or_begin()?, &criteria, voice)
            }
            Command::List => list(&self.governance.open()?, voice),
            Command::Sign { step, role, key, out } => {
                let (_, _, step) = step.propose(&self.governance.open()?)?;
                let signed = step.approve(&role, &read_signing_key(&key)?)?;
                create_public(&out, &format!("{}\n", serde_json::to_string_pretty(&signed)?))?;
                voice.say(format!("{role} approves {} → {}: {}", step.from, step.to, out.display()));
                Ok(())
            }
            Command::Promote { step, approvals } => {
                take(&self.governance.open()?, &step, &approvals, true, voice)
            }
            Command::Demote { step, approvals } => {
                take(&self.governance.open()?, &step, &approvals, false, voice)
            }
            Command::Verify { model } => verify(&self.governance.open()?, &model, voice),
        }
    }
}

impl StepArguments {
    /// The model's manifest, its history, and the step from where it stands.
    fn propose(&self, directory: &GovernanceDirectory) -> Result<(Manifest, History, Step)> {
        let manifest = Manifest::verify(&self.model, Kind::Model)?;
        let digest = digest_of(&manifest);
        let history = history(directory, &digest, &name_of(&manifest))?;
        let evidence = self.evidence.examine(directory, &manifest)?;
        let step = history.propose(self.to, &self.reason, evidence)?;
        Ok((manifest, history, step))
    }
}

/// As answers and the ledger name the model.
pub fn digest_of(manifest: &Manifest) -> String {
    format!("blake3:{}", manifest.output_digest)
}

/// What the model is called.
pub fn name_of(manifest: &Manifest) -> String {
    let size = manifest.settings_back().find_map(|settings| settings["size"].as_str());
    format!("osler-{}", size.unwrap_or("model"))
}

fn new_key(out: &Path, voice: Voice) -> Result<()> {
    let key = SigningKey::new()?;
    create_secret(out, &format!("{}\n", *key.to_hex()))?;
    match voice.json {
        true => println!("{}", json!({ "public_key": key.public(), "out": out })),
        false => {
            voice.say(format!("key written to {}; for policy.toml:", out.display()));
            println!("{}", key.public());
        }
    }
    Ok(())
}

fn take(
    directory: &GovernanceDirectory,
    arguments: &StepArguments,
    approvals: &[PathBuf],
    up: bool,
    voice: Voice,
) -> Result<()> {
    let policy = policy(directory)?;
    let steps = TakingSteps::begin(directory)?;
    let (_, mut history, step) = arguments.propose(directory)?;
    if (step.from.next() == Some(step.to)) != up {
        let verb = if up { "demote" } else { "promote" };
        bail!("from {} to {} is a step of `osler model {verb}`", step.from, step.to);
    }
    let mut signed = Vec::with_capacity(approvals.len());
    for path in approvals {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let approval: SignedStep = serde_json::from_str(&text)
            .ok()
            .with_context(|| format!("{} is no approval, as `osler model sign` writes", path.display()))?;
        if approval.step != step {
            bail!(
                "{} approves another step: of another model, stage, reason, evidence or history",
                path.display()
            );
        }
        signed.push(approval.approval);
    }
    let approved_by = signed.iter().map(|a| format!("{}: {}", a.role, a.public_key)).collect();
    let (from, to) = (step.from, step.to);
    let now = clock::now();
    let before = history.clone();
    history.take(step, signed, &policy, now)?;
    let record = Record::Stage(StageChange {
        time: stamp(now),
        model: history.model().to_owned(),
        from,
        to,
        step_digest: history.last_digest()?.context("a step was taken")?,
        policy_digest: policy.digest().to_owned(),
        approved_by,
    });
    steps.keep(&before, &history, &record)?;
    match voice.json {
        true => println!("{}", json!({ "model": history.model(), "from": from, "stage": to })),
        false => voice.say(format!("{} {}: {from} → {to}", history.name(), history.model())),
    }
    Ok(())
}

fn verify(directory: &GovernanceDirectory, model: &Path, voice: Voice) -> Result<()> {
    let manifest = Manifest::verify(model, Kind::Model)?;
    let history = history(directory, &digest_of(&manifest), &name_of(&manifest))?;
    tell(&history, voice);
    Ok(())
}

fn list(directory: &GovernanceDirectory, voice: Voice) -> Result<()> {
    let models = models(directory)?;
    if models.is_empty() {
        voice.say("no model has taken a step; each is a draft");
    }
    for digest in models {
        match history(directory, &digest, "") {
            Ok(history) => tell(&history, voice),
            // The others are to be seen all the same.
            Err(error) if voice.json => {
                println!("{}", json!({ "model": digest, "stage": null, "error": format!("{error:#}") }))
            }
            Err(error) => println!("unknown  {digest}: {error:#}"),
        }
    }
    Ok(())
}

fn tell(history: &History, voice: Voice) {
    if voice.json {
        let steps: Vec<_> = history
            .told()
            .map(|(time, from, to, reason, roles)| {
                json!({ "time": time, "from": from, "to": to, "reason": reason, "approved_by": roles })
            })
            .collect();
        println!(
            "{}",
            json!({ "model": history.model(), "name": history.name(), "stage": history.stage(), "steps": steps })
        );
        return;
    }
    println!("{}  {}  {}", history.stage(), history.name(), history.model());
    for (time, from, to, reason, roles) in history.told() {
        println!("  {time}  {from} → {to} by {}: {reason}", roles.join(", "));
    }
}
