//! The chain of a model's steps.

use super::{Approval, Policy, Stage, Step};
use crate::{Error, hex, stamp};
use events::Time;
use serde::{Deserialize, Serialize};

/// Keeps digests of ledgers apart from all others.
const DOMAIN: &str = "osler 2026 lifecycle beginning v1";

/// What stands before the first step: it names the site's ledger, so that what is approved at one site is approved at no other.
fn beginning(ledger: &str) -> String {
    hex::encode(&blake3::derive_key(DOMAIN, ledger.as_bytes()))
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenStep {
    step: Step,
    time: String,
    policy: String,
    approvals: Vec<Approval>,
}

/// All steps of one model, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    model: String,
    name: String,
    /// The id of the site's ledger. Histories of builds from before it was told have none, and hold nowhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ledger: String,
    steps: Vec<TakenStep>,
}

impl History {
    /// Of a model that has taken no step at the site with this ledger: a draft.
    pub fn new(model: &str, name: &str, ledger: &str) -> Self {
        let [model, name, ledger] = [model, name, ledger].map(str::to_owned);
        History { model, name, ledger, steps: Vec::new() }
    }

    /// Reads a history and checks every step, approval and signature against the policy as it stands now.
    ///
    /// # Errors
    /// When it isn't, to the byte, what was written, or is of another model or another site's ledger, or a step isn't
    /// approved as the policy wants.
    pub fn read(bytes: &[u8], model: &str, ledger: &str, policy: &Policy) -> Result<Self, Error> {
        let changed = |how: String| Error::HistoryChanged(how);
        let history: History = serde_json::from_slice(bytes)
            .map_err(|error| changed(format!("it can't be read (line {})", error.line())))?;
        if history.to_bytes()? != bytes {
            return Err(changed("it is not, to the byte, what was written".into()));
        }
        if history.model != model {
            return Err(changed("it is of another model".into()));
        }
        if history.ledger != ledger {
            return Err(changed(
                "it is bound to another ledger than this site's, or was made by a build from before histories were bound to one; \
                 what is approved at one site holds at no other"
                    .into(),
            ));
        }
        let mut stage = Stage::Draft;
        let mut previous = beginning(ledger);
        for (index, taken) in history.steps.iter().enumerate() {
            let number = index + 1;
            let TakenStep { step, approvals, .. } = taken;
            if step.model != model || step.from != stage || step.previous != previous {
                return Err(changed(format!("step {number} does not follow from the one before")));
            }
            step.judge(approvals, policy).map_err(|error| changed(format!("step {number}: {error}")))?;
            previous = digest(taken)?;
            stage = step.to;
        }
        Ok(history)
    }

    /// As it is kept.
    ///
    /// # Errors
    /// When it can't be written as JSON, which none of this program is.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|_| Error::Malformed("a history can't be written as JSON"))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Where the model stands.
    pub fn stage(&self) -> Stage {
        self.steps.last().map_or(Stage::Draft, |taken| taken.step.to)
    }

    /// The digest of the last step, which the ledger knows too: a history that was cut off is seen by it.
    ///
    /// # Errors
    /// As [`History::to_bytes`].
    pub fn last_digest(&self) -> Result<Option<String>, Error> {
        self.steps.last().map(digest).transpose()
    }

    /// The step from here to `to`, to be approved.
    ///
    /// # Errors
    /// When the lifecycle doesn't have it, or the site has no ledger yet.
    pub fn propose(&self, to: Stage, reason: &str, evidence: Option<super::Evidence>) -> Result<Step, Error> {
        if self.ledger.is_empty() {
            return Err(Error::Refused("the site has no ledger yet; `osler access grant` begins one".into()));
        }
        let previous = self.last_digest()?.unwrap_or_else(|| beginning(&self.ledger));
        let step = Step {
            model: self.model.clone(),
            previous,
            from: self.stage(),
            to,
            reason: reason.to_owned(),
            evidence,
        };
        step.check()?;
        Ok(step)
    }

    /// Takes a step, if its approvals suffice.
    ///
    /// # Errors
    /// When they don't, or the step doesn't follow.
    pub fn take(
        &mut self,
        step: Step,
        approvals: Vec<Approval>,
        policy: &Policy,
        now: Time,
    ) -> Result<(), Error> {
        if self.propose(step.to, &step.reason, step.evidence.clone())? != step {
            return Err(Error::Refused("it was approved at another moment of the model's history".into()));
        }
        step.judge(&approvals, policy)?;
        self.steps.push(TakenStep { step, time: stamp(now), policy: policy.digest().to_owned(), approvals });
        Ok(())
    }

    /// The model's digest.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What the model is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Each step for people: when, from, to, and by whom.
    pub fn told(&self) -> impl Iterator<Item = (&str, Stage, Stage, &str, Vec<&str>)> {
        self.steps.iter().map(|taken| {
            let roles = taken.approvals.iter().map(|approval| approval.role.as_str()).collect();
            (taken.time.as_str(), taken.step.from, taken.step.to, taken.step.reason.as_str(), roles)
        })
    }
}

fn digest(taken: &TakenStep) -> Result<String, Error> {
    let json = serde_json::to_vec(taken).map_err(|_| Error::Malformed("a step can't be written as JSON"))?;
    Ok(blake3::hash(&json).to_hex().to_string())
}
