//! `osler access`: who may call the server.

use crate::clock;
use crate::governance_directory::GovernanceArguments;
use crate::progress::Voice;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use events::Time;
use govern::access::{Grant, KeyEntry, Scope, Secret};
use govern::ledger::Record;
use govern::stamp;
use serde_json::{Value, json};

/// Grant, list, rotate and revoke the keys that callers of the server show.
///
/// A key's secret is shown once, when it is granted, and kept only as a digest. Every change is in the ledger.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    governance: GovernanceArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key and show its secret, once.
    #[command(after_help = "Examples:
  osler access grant --governance site --name 'ward app' --scope predict,read
  osler access grant --governance site --name 'validation team' --scope predict --trial --expires 90d
  osler access grant --governance site --name EHR --scope cds --per-minute 600 --json > ehr.key.json")]
    Grant(GrantArguments),
    /// The keys that there are, without their secrets.
    #[command(after_help = "Example:\n  osler access list --governance site")]
    List,
    /// Make a new key for the same grant; the old one ends soon.
    #[command(after_help = "Example:\n  osler access rotate 5f1c20a9e3b4 --overlap 7d --governance site")]
    Rotate {
        /// The key's id, as `osler access list` shows it.
        id: String,
        /// For how long the old key still opens: days, hours or minutes, such as 7d, 12h, 30m, or 0m.
        #[arg(long, default_value = "1d", value_parser = duration_micros)]
        overlap: i64,
    },
    /// Take a key back. It opens nothing from that moment on, on running servers too.
    #[command(after_help = "Example:\n  osler access revoke 5f1c20a9e3b4 --governance site")]
    Revoke {
        /// The key's id, as `osler access list` shows it.
        id: String,
    },
}

#[derive(Args)]
struct GrantArguments {
    /// Whose it is: an application or a team. It stands in lists and in the ledger.
    #[arg(long)]
    name: String,
    /// What it may do: predict, chat, score, cds, read, metrics; several with commas.
    #[arg(long, value_delimiter = ',', required = true)]
    scope: Vec<Scope>,
    /// The models that it may ask, by name or digest; all when none is named.
    #[arg(long, value_delimiter = ',')]
    model: Vec<String>,
    /// Let it be answered by models that are not live yet (draft, validated): for developers and validation, never
    /// for the bedside.
    #[arg(long)]
    trial: bool,
    /// For how long: days, hours or minutes, such as 90d.
    #[arg(long, value_parser = duration_micros)]
    expires: Option<i64>,
    /// Calls a minute.
    #[arg(long)]
    per_minute: Option<u32>,
    /// Calls a day (UTC).
    #[arg(long)]
    per_day: Option<u32>,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let now = clock::now();
        match self.command {
            Command::Grant(arguments) => {
                let directory = self.governance.open_or_begin()?;
                let grant = arguments.grant(now);
                let record =
                    |id: &str| directory.record(&Record::access(now, "granted", id, &grant.name)).map(drop);
                let secret = directory.keyring()?.grant_on_record(&grant, now, record)?;
                show(&secret, &format!("the key of {}", grant.name), voice)
            }
            Command::List => {
                let keys = self.governance.open()?.keyring()?.list()?;
                list(&keys, now, voice);
                Ok(())
            }
            Command::Rotate { id, overlap } => {
                let directory = self.governance.open()?;
                let record =
                    |new: &str| directory.record(&Record::access(now, "rotated", &id, new)).map(drop);
                let until = now.plus_micros(overlap);
                let secret = directory.keyring()?.rotate_on_record(&id, now, until, record)?;
                show(&secret, &format!("the key in the place of {id}"), voice)
            }
            Command::Revoke { id } => {
                let directory = self.governance.open()?;
                // It must open nothing, whether that can be recorded or not.
                let key = directory.keyring()?.revoke(&id, now)?;
                directory.record(&Record::access(now, "revoked", &key.id, &key.grant.name)).with_context(
                    || format!("{id} opens nothing any more, and that isn't on record yet; revoke it again"),
                )?;
                match voice.json {
                    true => println!("{}", told(&key, now)),
                    false => voice.say(format!("{id} opens nothing any more")),
                }
                Ok(())
            }
        }
    }
}

impl GrantArguments {
    fn grant(self, now: Time) -> Grant {
        Grant {
            models: self.model.into_iter().collect(),
            trial: self.trial,
            expires: self.expires.map(|micros| now.plus_micros(micros)),
            per_minute: self.per_minute,
            per_day: self.per_day,
            ..Grant::new(self.name, self.scope)
        }
    }
}

/// The secret goes to standard output alone, so that it can be sent into a file; what is said about it doesn't
/// hold it.
fn show(secret: &Secret, which: &str, voice: Voice) -> Result<()> {
    if voice.json {
        println!("{}", json!({ "id": id_of(secret)?, "secret": secret.expose() }));
    } else {
        voice.say(format!("{which}; it is shown this once:"));
        println!("{}", secret.expose());
    }
    Ok(())
}

fn id_of(secret: &Secret) -> Result<&str> {
    secret.expose().split('_').nth(1).context("the key has no id")
}

fn list(keys: &[KeyEntry], now: Time, voice: Voice) {
    for key in keys {
        if voice.json {
            println!("{}", told(key, now));
            continue;
        }
        let scopes: Vec<&str> = key.grant.scopes.iter().map(|scope| scope.name()).collect();
        let trial = if key.grant.trial { " trial" } else { "" };
        println!("{}  {:8} {}{trial}  {}", key.id, state(key, now), scopes.join(","), key.grant.name);
    }
    if keys.is_empty() && !voice.json {
        voice.say("no keys; `osler access grant` makes one");
    }
}

fn state(key: &KeyEntry, now: Time) -> &'static str {
    match (key.revoked, key.grant.expires) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        _ => "open",
    }
}

fn told(key: &KeyEntry, now: Time) -> Value {
    json!({
        "id": key.id,
        "name": key.grant.name,
        "state": state(key, now),
        "scopes": key.grant.scopes,
        "models": key.grant.models,
        "trial": key.grant.trial,
        "created": stamp(key.created),
        "expires": key.grant.expires.map(stamp),
        "revoked": key.revoked.map(stamp),
        "per_minute": key.grant.per_minute,
        "per_day": key.grant.per_day,
    })
}

/// `90d`, `12h`, `30m` in microseconds; at most ten years.
fn duration_micros(text: &str) -> Result<i64, String> {
    let wrong = || "days, hours or minutes, such as 90d, 12h, 30m".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3600,
        'm' => 60,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(total) if (0..=3653 * 86_400).contains(&total) => Ok(total * 1_000_000),
        _ => Err("between 0 and ten years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration_micros("90d"), Ok(90 * 86_400 * 1_000_000));
        assert_eq!(duration_micros("0m"), Ok(0));
        for bad in ["", "d", "5", "5w", "-1d", "99999999999999d", "1.5h", "4000d", "5µ"] {
            assert!(duration_micros(bad).is_err(), "{bad}");
        }
    }
}
