//! A call of a hook: what is checked, and how a patient's record is put together from what was prefetched.

use super::services::{PREFETCH, Service};
use crate::{
    error::ApiError,
    fetch::{Fetched, FhirServers, Lack, Token, Wanted},
    uuid::is_uuid,
    wire::from_json,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

/// The call, as it travels. Unknown fields are other versions' and extensions', and are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(borrow)]
    hook: Cow<'a, str>,
    #[serde(borrow)]
    hook_instance: Cow<'a, str>,
    #[serde(borrow)]
    context: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(borrow, default)]
    prefetch: Option<BTreeMap<Cow<'a, str>, Option<&'a RawValue>>>,
    #[serde(borrow, default)]
    fhir_server: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fhir_authorization: Option<&'a RawValue>,
}

/// How a caller lets its FHIR server be asked.
#[derive(Deserialize)]
struct Authorization<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow)]
    token_type: Cow<'a, str>,
}

/// What is to be fetched before the call can be read, or why nothing is.
pub(super) enum Missing {
    /// All is there that there need be.
    Nothing,
    /// Something lacks, and isn't fetched.
    Unfetched(Lack),
    /// These queries, of that server.
    Fetch(Wanted),
}

/// The call of a hook, as CDS Hooks 2 has it.
#[derive(utoipa::ToSchema)]
#[schema(as = HookCall, example = json!({
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"userId": "Practitioner/1", "patientId": "p"},
    "prefetch": {
        "patient": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1958-05-01"},
        "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {
            "resourceType": "Condition", "subject": {"reference": "Patient/p"}, "onsetDateTime": "2019-03-04",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}}}]}
    }
}))]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "a schema for the documentation; calls are read piece by piece")]
pub(crate) struct HookSchema {
    /// The hook, that of the service.
    hook: String,
    /// A UUID of this call.
    hook_instance: String,
    /// What the hook is about: `userId`, `patientId`, and what the hook adds.
    context: serde_json::Value,
    /// FHIR resources by the keys that discovery lists; null where there are none.
    prefetch: Option<serde_json::Value>,
}

/// A call that can be answered.
pub(super) struct HookCall<'a> {
    resources: Vec<&'a RawValue>,
    /// What an answer must say was not at hand.
    pub(super) gaps: Vec<Gap>,
}

/// Data that was not at hand, though an answer could be given without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Not sent.
    Absent(&'static str),
    /// Sent in part: there are more pages.
    Cut(&'static str),
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(rename = "resourceType", borrow, default)]
    resource_type: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    entry: Vec<Entry<'a>>,
    #[serde(borrow, default)]
    link: Vec<Link<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow, default)]
    relation: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "resourceType", borrow, default)]
    resource_type: Cow<'a, str>,
}

impl<'a> HookCall<'a> {
    /// What a call lacks of its prefetch, and whether the server that it names may be asked for it.
    pub(super) fn missing(
        body: &'a [u8],
        service: Service,
        servers: Option<&FhirServers>,
    ) -> Result<Missing, ApiError> {
        let (sent, patient_id) = checked(body, service)?;
        let prefetch = sent.prefetch.unwrap_or_default();
        let absent = PREFETCH.into_iter().filter(|(key, ..)| lacks(prefetch.get(*key).copied()));
        let absent: Vec<_> = absent.collect();
        if absent.is_empty() {
            return Ok(Missing::Nothing);
        }
        let Some(servers) = servers else { return Ok(Missing::Unfetched(Lack::Off)) };
        let (Some(server), Some(authorization)) = (sent.fhir_server, sent.fhir_authorization) else {
            return Ok(Missing::Unfetched(Lack::NotAsked));
        };
        let server: Cow<'_, str> = from_json(server.get().as_bytes(), "body.fhirServer")?;
        let authorization: Authorization<'_> =
            from_json(authorization.get().as_bytes(), "body.fhirAuthorization")?;
        let token = Token::new(&authorization.access_token)
            .filter(|_| authorization.token_type.eq_ignore_ascii_case("bearer"))
            .ok_or_else(|| ApiError::invalid("body.fhirAuthorization", "holds no Bearer token"))?;
        let Some(base) = servers.find(&server) else { return Ok(Missing::Unfetched(Lack::NotNamed)) };
        // It goes into an address, and is a FHIR id or nothing that could be asked for.
        let is_id = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        if patient_id.len() > 64 || !patient_id.bytes().all(is_id) || patient_id.bytes().all(|b| b == b'.') {
            return Err(ApiError::invalid("body.context", "has a patientId that is no FHIR id"));
        }
        let query = |template: &str| template.replace("{{context.patientId}}", &patient_id);
        let queries = absent.into_iter().map(|(key, template, _)| (key, query(template))).collect();
        Ok(Missing::Fetch(Wanted { base, token, queries }))
    }

    /// Reads and checks a call, with what was fetched for it.
    pub(super) fn read(body: &'a [u8], service: Service, fetched: &'a Fetched) -> Result<Self, ApiError> {
        let (sent, patient_id) = checked(body, service)?;
        let mut call = HookCall { resources: Vec::new(), gaps: Vec::new() };
        let prefetch = sent.prefetch.unwrap_or_default();
        for (key, _, required) in PREFETCH {
            let sent = prefetch.get(key).copied();
            match fetched.pages.get(key).filter(|_| lacks(sent)) {
                None => call.add(key, required, sent, &patient_id, fetched.lack)?,
                Some(pages) => {
                    for page in pages {
                        call.add(key, required, Some(Some(&**page)), &patient_id, fetched.lack)?;
                    }
                    // Each page but the last has a next one, which is there.
                    let cuts = call.gaps.iter().filter(|gap| **gap == Gap::Cut(key)).count();
                    let whole = cuts < pages.len();
                    call.gaps.retain(|gap| *gap != Gap::Cut(key));
                    if !whole {
                        call.gaps.push(Gap::Cut(key));
                    }
                }
            }
        }
        Ok(call)
    }

    /// What was sent under one key: a value, null (there is nothing), or no such key (it wasn't asked).
    fn add(
        &mut self,
        key: &'static str,
        required: bool,
        sent: Option<Option<&'a RawValue>>,
        patient_id: &str,
        lack: Option<Lack>,
    ) -> Result<(), ApiError> {
        let missing = || {
            let why = lack.map_or("", Lack::words);
            ApiError::PreconditionFailed {
                what: format!("prefetch.{key} is needed and was not sent{why}; see /cds-services").into(),
            }
        };
        let value = match sent {
            Some(Some(value)) => value,
            // Null says that there is nothing, which for a patient can't be.
            Some(None) if key != "patient" => return Ok(()),
            _ if required => return Err(missing()),
            _ => {
                self.gaps.push(Gap::Absent(key));
                return Ok(());
            }
        };
        let resource: Resource<'a> = from_json(value.get().as_bytes(), &format!("prefetch.{key}"))?;
        match &*resource.resource_type {
            "Patient" if key == "patient" => {
                if resource.id.as_deref() != Some(patient_id) {
                    return Err(ApiError::invalid(
                        "prefetch.patient",
                        "is not the patient that context.patientId names",
                    ));
                }
                self.resources.push(value);
            }
            "Bundle" if key != "patient" => {
                if resource.link.iter().any(|link| link.relation == "next") {
                    self.gaps.push(Gap::Cut(key));
                }
                for found in resource.entry.into_iter().filter_map(|entry| entry.resource) {
                    let kind: Kind<'_> = from_json(found.get().as_bytes(), &format!("prefetch.{key}"))?;
                    // A server's remarks on the search are no part of the record.
                    if kind.resource_type != "OperationOutcome" {
                        self.resources.push(found);
                    }
                }
            }
            "OperationOutcome" if required => return Err(missing()),
            "OperationOutcome" => self.gaps.push(Gap::Absent(key)),
            _ => {
                return Err(ApiError::invalid(
                    format!("prefetch.{key}"),
                    "is not what the template asks for; see /cds-services",
                ));
            }
        }
        Ok(())
    }

    /// All of it as one Bundle, which is how patients are read.
    pub(super) fn bundle(&self) -> Result<Box<RawValue>, ApiError> {
        let length: usize = self.resources.iter().map(|resource| resource.get().len() + 16).sum();
        let mut json = String::with_capacity(length + 64);
        json.push_str(r#"{"resourceType":"Bundle","type":"collection","entry":["#);
        for (index, resource) in self.resources.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            // Writing to a String can't fail.
            let _ = write!(json, "{comma}{{\"resource\":{}}}", resource.get());
        }
        json.push_str("]}");
        RawValue::from_string(json).map_err(|_| ApiError::Internal)
    }
}

/// The call, checked, and the patient that it is about.
fn checked(body: &[u8], service: Service) -> Result<(Sent<'_>, String), ApiError> {
    let sent: Sent<'_> = from_json(body, "body")?;
    if sent.hook != service.hook {
        return Err(ApiError::invalid("body.hook", "is not the hook of this service; see /cds-services"));
    }
    if !is_uuid(&sent.hook_instance) {
        return Err(ApiError::invalid("body.hookInstance", "is no UUID"));
    }
    if sent.fhir_authorization.is_some() && sent.fhir_server.is_none() {
        return Err(ApiError::invalid("body.fhirServer", "must be sent with fhirAuthorization"));
    }
    let patient_id = context_id(&sent.context, "patientId")?;
    context_id(&sent.context, "userId")?;
    for field in service.context {
        if !sent.context.contains_key(*field) {
            return Err(ApiError::invalid("body.context", format!("lacks {field}, which this hook has")));
        }
    }
    Ok((sent, patient_id))
}

/// Is nothing there under a key: no such key, or a server's excuse? Null says that there is nothing.
fn lacks(sent: Option<Option<&RawValue>>) -> bool {
    match sent {
        None => true,
        Some(None) => false,
        Some(Some(value)) => {
            let kind = serde_json::from_str::<Kind<'_>>(value.get());
            kind.is_ok_and(|kind| kind.resource_type == "OperationOutcome")
        }
    }
}

fn context_id(context: &BTreeMap<Cow<'_, str>, &RawValue>, field: &'static str) -> Result<String, ApiError> {
    let value =
        context.get(field).ok_or_else(|| ApiError::invalid("body.context", format!("lacks {field}")))?;
    let id: String = from_json(value.get().as_bytes(), "body.context")?;
    if id.is_empty() {
        return Err(ApiError::invalid("body.context", format!("has an empty {field}")));
    }
    Ok(id)
}
