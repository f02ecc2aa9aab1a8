//! What holds the server: who may call, what is recorded, and where the model stands.

use crate::{FhirServers, SignedIn, Traces};
use govern::{
    Clock,
    access::{Keyring, Quotas, Tokens},
    inputs::Inputs,
    ledger::Ledger,
    lifecycle::Stage,
};
use std::sync::Arc;

/// Who may call.
#[expect(clippy::large_enum_variant, reason = "a server has one of them")]
pub enum Access {
    /// Whoever can reach the server. For one's own machine alone: whoever starts a server like this must see to it
    /// that it listens on the loopback interface.
    Open,
    /// Whoever shows a key, a token of an identity provider, or, at the doors of CDS Hooks, a signed token of a trusted issuer.
    Keys {
        /// The keys.
        keyring: Keyring,
        /// The issuers of CDS Hooks' tokens.
        tokens: Option<Tokens>,
        /// Identity providers, whose tokens open what their roles do.
        identities: Option<SignedIn>,
    },
}

/// Whose tokens are believed, which can be exchanged while a server runs.
#[derive(Clone, Default)]
pub(crate) struct Believed {
    /// The issuers of CDS Hooks' tokens.
    pub(crate) tokens: Option<Arc<Tokens>>,
    /// Identity providers.
    pub(crate) identities: Option<SignedIn>,
}

impl Access {
    /// Whose tokens are believed at first.
    pub(crate) fn take_believed(&mut self) -> Believed {
        match self {
            Access::Open => Believed::default(),
            Access::Keys { tokens, identities, .. } => {
                Believed { tokens: tokens.take().map(Arc::new), identities: identities.take() }
            }
        }
    }
}

/// Says where a model stands, at this moment; nothing while that can't be told, and nobody is answered then.
pub type StageOf = Arc<dyn Fn() -> Option<Stage> + Send + Sync>;

/// What holds the server.
pub struct Governance {
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) stage: Option<StageOf>,
    pub(crate) quotas: Quotas,
    pub(crate) fhir_servers: Option<FhirServers>,
    pub(crate) traces: Option<Traces>,
    pub(crate) inputs: Option<Arc<Inputs>>,
}

impl Governance {
    /// None: everybody is let in, nothing is recorded, and the model is what it says that it is.
    pub fn open(clock: Clock) -> Self {
        Governance {
            clock,
            access: Access::Open,
            ledger: None,
            stage: None,
            quotas: Quotas::default(),
            fhir_servers: None,
            traces: None,
            inputs: None,
        }
    }

    /// The same, with callers held to this.
    pub fn with_access(self, access: Access) -> Self {
        Governance { access, ..self }
    }

    /// The same, with every call to a model recorded before it is answered.
    pub fn with_ledger(self, ledger: Ledger) -> Self {
        Governance { ledger: Some(ledger), ..self }
    }

    /// The same, with what was asked kept, encrypted, beside the ledger. Without a ledger nothing is kept: no entry would lead to it.
    pub fn with_inputs(self, inputs: Inputs) -> Self {
        Governance { inputs: Some(Arc::new(inputs)), ..self }
    }

    /// The same, with FHIR servers that may be asked for what a CDS Hooks call's prefetch lacks.
    pub fn with_fhir_servers(self, servers: FhirServers) -> Self {
        Governance { fhir_servers: Some(servers), ..self }
    }

    /// The same, with a span of each request sent to a collector.
    pub fn with_traces(self, traces: Traces) -> Self {
        Governance { traces: Some(traces), ..self }
    }

    /// The same, with the model's stage asked for at every call, so that it can change while the server runs.
    pub fn with_stage(self, stage: StageOf) -> Self {
        Governance { stage: Some(stage), ..self }
    }
}
