//! The services, one for each hook.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// The hook that it is for.
    pub(super) hook: &'static str,
    /// Its id, `osler-` and the hook.
    id: &'static str,
    /// Fields of the hook's context, beside `userId` and `patientId`, that must be there.
    pub(super) context: &'static [&'static str],
}

const SERVICES: [Service; 5] = [
    Service { hook: "patient-view", id: "osler-patient-view", context: &[] },
    Service { hook: "order-select", id: "osler-order-select", context: &["selections", "draftOrders"] },
    Service { hook: "order-sign", id: "osler-order-sign", context: &["draftOrders"] },
    Service { hook: "encounter-start", id: "osler-encounter-start", context: &["encounterId"] },
    Service { hook: "encounter-discharge", id: "osler-encounter-discharge", context: &["encounterId"] },
];

/// What an EHR is asked to send along: key, template, and whether there is no card without it. Each holds what the
/// model reads, the newest first where a server may cut the list.
pub(super) const PREFETCH: [(&str, &str, bool); 7] = [
    ("patient", "Patient/{{context.patientId}}", true),
    ("conditions", "Condition?patient={{context.patientId}}&_sort=-recorded-date&_count=500", true),
    ("observations", "Observation?patient={{context.patientId}}&_sort=-date&_count=500", false),
    ("medications", "MedicationRequest?patient={{context.patientId}}&_sort=-authoredon&_count=500", false),
    ("procedures", "Procedure?patient={{context.patientId}}&_sort=-date&_count=200", false),
    ("encounters", "Encounter?patient={{context.patientId}}&_sort=-date&_count=200", false),
    ("immunizations", "Immunization?patient={{context.patientId}}&_sort=-date&_count=100", false),
];

impl Service {
    /// The service with this id.
    pub(super) fn of(id: &str) -> Option<Service> {
        SERVICES.into_iter().find(|service| service.id == id)
    }
}

/// The services that an EHR can call.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServicesAnswer {
    services: Vec<ServiceAnswer>,
}

/// A service.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceAnswer {
    /// The hook that it is for.
    #[schema(example = "patient-view")]
    hook: &'static str,
    /// Its name in the address.
    #[schema(example = "osler-patient-view")]
    id: &'static str,
    /// For people.
    title: &'static str,
    /// For people.
    description: &'static str,
    /// What must be sent along, as FHIR requests.
    #[schema(value_type = BTreeMap<String, String>)]
    prefetch: BTreeMap<&'static str, &'static str>,
    /// What an EHR must know before it calls.
    usage_requirements: &'static str,
}

impl ServicesAnswer {
    pub(super) fn all() -> Self {
        let answer = |service: Service| ServiceAnswer {
            hook: service.hook,
            id: service.id,
            title: "Risks that stand out",
            description: "Tells what a patient's record makes likelier within a year than for others of the same \
                          age and sex. Not a medical device; a clinician decides.",
            prefetch: PREFETCH.into_iter().map(|(key, template, _)| (key, template)).collect(),
            usage_requirements: "Send patient and conditions as prefetch; what lacks is fetched from fhirServer only where \
                                 this server's operator has named it. Draft orders are not taken for history.",
        };
        ServicesAnswer { services: SERVICES.into_iter().map(answer).collect() }
    }
}
