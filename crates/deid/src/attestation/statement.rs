//! What an attestation states.

use crate::{FieldTally, Key, Label, Policy, Tally, zip3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was done to a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The statement's own format.
    pub format: u32,
    /// The program's version.
    pub osler: String,
    /// By which policy.
    pub policy: PolicyStatement,
    /// The operation of HL7's DARTS (1.0.0-ballot) that this corresponds to, where there is one. DARTS is a web
    /// service and takes and gives FHIR; what corresponds is what is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub darts: Option<Darts>,
    /// Names the site's key without telling it.
    pub key_id: String,
    /// The lists that decided what passes, with how old they are.
    pub lists: Vec<List>,
    /// Subjects that were de-identified.
    pub subjects: u64,
    /// Subjects with times that were moved because they tell of an age past the policy's oldest.
    pub ages_top_coded: u64,
    /// How often which rule kept or dropped what, by field.
    pub fields: BTreeMap<String, FieldTally>,
    /// Rows that could not be read, and were left out.
    pub quarantined: Quarantined,
    /// The files that were written.
    pub files: Files,
}

/// A policy by its name and digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyStatement {
    /// The policy's own name.
    pub name: String,
    /// What it is for.
    pub label: String,
    /// The rule that it is written for.
    pub rule: String,
    /// BLAKE3 of the policy's text.
    pub blake3: String,
}

/// An operation of HL7's DARTS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Darts {
    /// The operation's code.
    pub operation: String,
    /// The code of its policy, from CodeSystem/darts-policy-identifiers.
    pub policy_identifier: String,
}

/// A list that decided what passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Which.
    pub name: String,
    /// How old.
    pub vintage: String,
}

/// Rows that were left out, by kind of record, field and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantined {
    /// Rows read.
    pub rows: u64,
    /// Rows left out.
    pub rejected: u64,
    /// How many for which reason, as `kind field: reason`.
    pub reasons: BTreeMap<String, u64>,
}

/// Files that are attested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// How many, the manifest included.
    pub count: u64,
    /// BLAKE3 of `manifest.json`, which has every other file's.
    pub manifest_blake3: String,
    /// The Merkle root over all of them: the manifest first, the others sorted by path.
    pub merkle_root: String,
}

impl Statement {
    /// What a run did.
    pub fn new(
        osler: &str,
        policy: &Policy,
        key: &Key,
        tally: &Tally,
        quarantined: Quarantined,
        files: Files,
    ) -> Self {
        let label = policy.label();
        let zip = List { name: "three-digit ZIP prefixes".into(), vintage: zip3::vintages().into() };
        Statement {
            format: 1,
            osler: osler.to_owned(),
            policy: PolicyStatement {
                name: policy.name().to_owned(),
                label: label.name().to_owned(),
                rule: label.rule().to_owned(),
                blake3: blake3::hash(policy.text().as_bytes()).to_hex().to_string(),
            },
            darts: darts(label),
            key_id: key.id(),
            lists: vec![zip],
            subjects: tally.subjects,
            ages_top_coded: tally.ages_top_coded,
            fields: tally.by_field(),
            quarantined,
            files,
        }
    }
}

impl Statement {
    /// What a generator did: records of nobody, so that no policy had anything to take away. `made_by` is the
    /// whole of what decided the records (settings as JSON), `of` says the same in words.
    pub fn of_nobody(
        osler: &str,
        made_by: &str,
        of: &str,
        key: &Key,
        subjects: u64,
        fields: BTreeMap<String, FieldTally>,
        files: Files,
    ) -> Self {
        Statement {
            format: 1,
            osler: osler.to_owned(),
            policy: PolicyStatement {
                name: SYNTHETIC.to_owned(),
                label: SYNTHETIC.to_owned(),
                rule: format!("nobody is in it: {of}"),
                blake3: blake3::hash(made_by.as_bytes()).to_hex().to_string(),
            },
            darts: None,
            key_id: key.id(),
            lists: Vec::new(),
            subjects,
            ages_top_coded: 0,
            fields,
            quarantined: Quarantined::default(),
            files,
        }
    }
}

/// What stands for a policy, and for its label, where records were made and not taken from anybody.
pub const SYNTHETIC: &str = "synthetic";

/// DARTS knows policies for the two methods of 164.514(b), and none for a limited data set.
fn darts(label: Label) -> Option<Darts> {
    let policy_identifier = match label {
        Label::SafeHarbor => "HHS_SAFE_HARBOR_DETERMINISTIC_METHOD",
        Label::ExpertDetermination => "HHS_EXPERT_DETERMINATION_METHOD",
        Label::LimitedDataSet => return None,
    };
    Some(Darts { operation: "$de-identify".into(), policy_identifier: policy_identifier.into() })
}
