//! What a role opens.

use super::{Grant, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The roles that there are, with what each is to be called in a token where nothing else is said.
const ROLES: [&str; 4] = ["developer", "clinician", "governance", "admin"];

/// `[roles.NAME]` of `oidc.toml`.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct RolesTable(BTreeMap<String, Opens>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opens {
    scopes: BTreeSet<Scope>,
    /// What tokens call it; else its own name.
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    models: BTreeSet<String>,
    #[serde(default)]
    trial: bool,
    #[serde(default)]
    per_minute: Option<u32>,
    #[serde(default)]
    per_day: Option<u32>,
}

/// A role, and what it opens.
pub(super) struct RoleRule {
    values: Vec<String>,
    grant: Grant,
}

impl RolesTable {
    /// The rules, or what is wrong with them.
    pub(super) fn rules(self) -> Result<Vec<RoleRule>, String> {
        if self.0.is_empty() {
            return Err("no role opens anything; write [roles.clinician] with its scopes".to_owned());
        }
        let mut rules: Vec<RoleRule> = Vec::new();
        for (written, opens) in self.0 {
            let Some(name) = ROLES.into_iter().find(|role| *role == written) else {
                return Err(format!(
                    "roles are developer, clinician, governance, admin; {written:?} is none"
                ));
            };
            if opens.scopes.is_empty() || opens.per_minute == Some(0) || opens.per_day == Some(0) {
                return Err(format!("[roles.{name}] needs scopes, and quotas of at least 1"));
            }
            let values = if opens.values.is_empty() { vec![name.to_owned()] } else { opens.values };
            if values.iter().any(|value| rules.iter().any(|rule| rule.values.contains(value))) {
                return Err(format!("[roles.{name}]: one of its values is another role's"));
            }
            let grant = Grant {
                models: opens.models,
                trial: opens.trial,
                per_minute: opens.per_minute,
                per_day: opens.per_day,
                ..Grant::new(name, opens.scopes)
            };
            rules.push(RoleRule { values, grant });
        }
        Ok(rules)
    }
}

/// What each of somebody's roles allows at a door of this scope: those that open it, each by itself, since what one allows of a model says
/// nothing of another's models. A role that doesn't open the door adds nothing there, so that who may try drafts out as a developer isn't shown
/// them at the bedside as a clinician. Nothing when none of the roles is known.
pub(super) fn granted(rules: &[RoleRule], values: &[&str], door: Option<Scope>) -> Vec<Grant> {
    let is_held = |rule: &&RoleRule| rule.values.iter().any(|value| values.contains(&value.as_str()));
    let held: Vec<&RoleRule> = rules.iter().filter(is_held).collect();
    let opens = |rule: &&&RoleRule| door.is_some_and(|door| rule.grant.scopes.contains(&door));
    let relevant: Vec<&RoleRule> = held.iter().filter(opens).copied().collect();
    // Where none opens the door, the grants say so by their scopes.
    let counted = if relevant.is_empty() { held } else { relevant };
    counted.into_iter().map(|rule| rule.grant.clone()).collect()
}
