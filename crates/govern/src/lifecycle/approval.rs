//! A step of a model's life, and a person's signature under it.

use super::{Policy, Stage};
use crate::{Error, PublicKey, Signature, SigningKey};
use serde::{Deserialize, Serialize};

const DOMAIN: &str = "osler/lifecycle/approval/v1";

/// What is approved: this model, from here to there, for this reason, on this evidence, after this history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The digest of the model's weights and settings.
    pub model: String,
    /// The digest of the step before, so that an approval can't be used for another occasion.
    pub previous: String,
    /// Where the model stands.
    pub from: Stage,
    /// Where it is to go.
    pub to: Stage,
    /// Why, in a sentence.
    pub reason: String,
    /// What it rests on.
    pub evidence: Option<Evidence>,
}

/// An evaluation, and the criteria that it met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// BLAKE3 of the report's `manifest.json`, which names what it holds and what it was made from.
    pub report: String,
    /// BLAKE3 of the predictions' `manifest.json`.
    pub predictions: String,
    /// BLAKE3 of `criteria.toml`.
    pub criteria: String,
    /// The ledger's entry of their registration (`NUMBER:DIGEST`), which the report holds: it was made after that.
    pub registered: String,
}

/// A person's signature under a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The role that the person speaks for.
    pub role: String,
    /// The person's key.
    pub public_key: PublicKey,
    /// Over the step and the role.
    pub signature: Signature,
}

/// A step with an approval, as one person hands it to whoever takes the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedStep {
    /// What is approved.
    pub step: Step,
    /// By whom.
    pub approval: Approval,
}

impl Step {
    /// Is there such a step at all?
    ///
    /// # Errors
    /// When the lifecycle doesn't have it.
    pub fn check(&self) -> Result<(), Error> {
        if self.from.next() == Some(self.to) || self.from.may_fall_to(self.to) {
            return Ok(());
        }
        Err(Error::NoSuchStep { from: self.from, to: self.to })
    }

    /// Signs it for a role.
    ///
    /// # Errors
    /// When the step doesn't exist.
    pub fn approve(&self, role: &str, key: &SigningKey) -> Result<SignedStep, Error> {
        self.check()?;
        let signature = key.sign(DOMAIN, &self.message(role)?);
        let approval = Approval { role: role.to_owned(), public_key: key.public(), signature };
        Ok(SignedStep { step: self.clone(), approval })
    }

    /// Do these approvals suffice, under this policy?
    ///
    /// # Errors
    /// [`Error::Refused`] that says what lacks.
    pub fn judge(&self, approvals: &[Approval], policy: &Policy) -> Result<(), Error> {
        self.check()?;
        let (roles, all) = policy.approvers(self.from, self.to);
        for approval in approvals {
            if !policy.speaks_for(&approval.role, &approval.public_key) {
                return Err(Error::Refused(format!(
                    "the key {} does not speak for the role {} in policy.toml",
                    approval.public_key, approval.role
                )));
            }
            let message = self.message(&approval.role)?;
            if !approval.public_key.verifies(DOMAIN, &message, &approval.signature) {
                return Err(Error::Refused(format!(
                    "the signature of the role {} does not fit this step: it is of another model, stage, \
                     reason, evidence or history",
                    approval.role
                )));
            }
        }
        let has = |role: &&String| approvals.iter().any(|approval| approval.role == **role);
        let lacking: Vec<&str> = roles.iter().filter(|role| !has(role)).map(String::as_str).collect();
        if all && !lacking.is_empty() {
            return Err(Error::Refused(format!("it lacks the approval of {}", lacking.join(" and "))));
        }
        if !all && lacking.len() == roles.len() {
            return Err(Error::Refused(format!("it lacks the approval of {}", lacking.join(" or "))));
        }
        if all && policy.needs_evaluation(self.to) && self.evidence.is_none() {
            return Err(Error::Refused("it lacks an evaluation that meets registered criteria".into()));
        }
        Ok(())
    }

    fn message(&self, role: &str) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(&(role, self)).map_err(|_| Error::Malformed("a step can't be written as JSON"))
    }
}
