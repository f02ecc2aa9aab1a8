//! `policy.toml`: who must agree.

use super::Stage;
use crate::{Error, PublicKey};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who must agree to which step. It is the root of trust: whoever can write it decides who may approve.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The public keys of each role.
    roles: BTreeMap<String, Vec<PublicKey>>,
    /// What a promotion needs, by the stage that it leads to.
    promote: BTreeMap<Stage, Promotion>,
    /// What taking a model back needs.
    demote: Demotion,
    #[serde(skip)]
    digest: String,
}

/// What a promotion needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promotion {
    /// These roles, all of them, each by a key of its own.
    approvals: BTreeSet<String>,
    /// An evaluation that meets registered criteria.
    #[serde(default)]
    evaluation: bool,
}

/// What taking a model back needs: little, since it must be quick.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Demotion {
    /// One of these roles.
    approvals: BTreeSet<String>,
}

/// The promotions that a policy must speak of.
const PROMOTIONS: [Stage; 3] = [Stage::Validated, Stage::Silent, Stage::Live];

impl Policy {
    /// Reads `policy.toml`.
    ///
    /// # Errors
    /// When it can't be read, or leaves a step open to nobody's approval.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Settings { file: "policy.toml", reason };
        let mut policy: Policy = toml::from_str(text)
            .map_err(|error| wrong(events::misread(text, error.span(), error.message())))?;
        policy.digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        for stage in PROMOTIONS {
            let promotion = policy
                .promote
                .get(&stage)
                .ok_or_else(|| wrong(format!("it says nothing of [promote.{stage}]")))?;
            if promotion.approvals.is_empty() {
                return Err(wrong(format!("[promote.{stage}] asks nobody; name at least one role")));
            }
        }
        if let Some(stage) = policy.promote.keys().find(|stage| !PROMOTIONS.contains(stage)) {
            return Err(wrong(format!("no model is promoted to {stage}")));
        }
        if policy.demote.approvals.is_empty() {
            return Err(wrong("[demote] asks nobody; name at least one role".into()));
        }
        let named = policy.promote.values().flat_map(|promotion| &promotion.approvals);
        for role in named.chain(&policy.demote.approvals) {
            if policy.roles.get(role).is_none_or(Vec::is_empty) {
                return Err(wrong(format!("the role {role} has no key under [roles]")));
            }
        }
        let mut seen = BTreeMap::new();
        for (role, keys) in &policy.roles {
            for key in keys {
                if let Some(other) = seen.insert(key, role) {
                    return Err(wrong(format!(
                        "a key stands under both {other} and {role}; a person has one role"
                    )));
                }
            }
        }
        Ok(policy)
    }

    /// BLAKE3 of the file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Is the step's evaluation asked for?
    pub fn needs_evaluation(&self, to: Stage) -> bool {
        self.promote.get(&to).is_some_and(|promotion| promotion.evaluation)
    }

    /// The roles that must agree: all of them for a promotion, any one to take a model back.
    pub fn approvers(&self, from: Stage, to: Stage) -> (&BTreeSet<String>, bool) {
        match self.promote.get(&to) {
            Some(promotion) if from.next() == Some(to) => (&promotion.approvals, true),
            _ => (&self.demote.approvals, false),
        }
    }

    /// Does this key speak for the role?
    pub(crate) fn speaks_for(&self, role: &str, key: &PublicKey) -> bool {
        self.roles.get(role).is_some_and(|keys| keys.contains(key))
    }
}
