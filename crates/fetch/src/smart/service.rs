//! Asking for a token: the endpoint's discovery and the request (SMART App Launch 2, "Backend Services").

use super::{SigningKey, assertion::assertion};
use crate::{
    Base, Error, Link, Step, Token,
    caller::{Ask, Caller},
};
use hyper::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::Deserialize;
use std::{
    fmt,
    time::{Duration, Instant},
};

/// The largest answer with a token or a configuration, in bytes.
const MAX_ANSWER_BYTES: usize = 256 << 10;
/// How long a token is used whose answer doesn't say how long it holds.
const UNSAID: Duration = Duration::from_secs(300);
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that is registered with a server by its public key.
pub struct BackendServices {
    /// The client's name there.
    pub client: String,
    /// Its private key.
    pub key: SigningKey,
    /// What is asked for, such as `system/*.read`.
    pub scope: String,
    /// The token endpoint; without one the server is asked for it.
    pub endpoint: Option<Link>,
}

impl fmt::Debug for BackendServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendServices").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A token, and until when it is used.
#[derive(Clone)]
pub(crate) struct Granted {
    pub(crate) token: Token,
    pub(crate) until: Instant,
}

#[derive(Deserialize)]
struct Configuration {
    token_endpoint: String,
    #[serde(default)]
    token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    #[serde(default)]
    token_type: String,
    expires_in: Option<u64>,
}

impl BackendServices {
    /// Gets a token. `now` in seconds since 1970.
    pub(crate) async fn grant(&self, caller: &Caller, server: &Base, now: u64) -> Result<Granted, Error> {
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => self.discover(caller, server).await?,
        };
        let assertion = assertion(&self.key, &self.client, &endpoint.address(), now)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", &self.scope)
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", &assertion)
            .finish();
        let headers = [(ACCEPT, "application/json"), (CONTENT_TYPE, "application/x-www-form-urlencoded")];
        let mut ask = Ask::new(Method::POST, &endpoint, &headers);
        ask.body = form.into();
        let grant: Grant = json(caller, Step::Token, &ask).await?;
        let no_token = Error::Answer { step: Step::Token, reason: "the answer holds no Bearer token" };
        if !grant.token_type.eq_ignore_ascii_case("bearer") {
            return Err(no_token);
        }
        let token = Token::new(&grant.access_token).ok_or(no_token)?;
        // Renewed before its end: a request that is under way when it ends would be refused.
        let holds = grant.expires_in.map_or(UNSAID, Duration::from_secs).min(Duration::from_secs(86_400));
        Ok(Granted { token, until: Instant::now() + holds.mul_f64(0.9) })
    }

    async fn discover(&self, caller: &Caller, server: &Base) -> Result<Link, Error> {
        let step = Step::Discovery;
        let place = Link::of(server, format!("{}/.well-known/smart-configuration", server.path()));
        let ask = Ask::new(Method::GET, &place, &[(ACCEPT, "application/json")]);
        let configuration: Configuration = json(caller, step, &ask).await?;
        let known = &configuration.token_endpoint_auth_signing_alg_values_supported;
        if known.as_ref().is_some_and(|known| !known.iter().any(|name| name == self.key.algorithm())) {
            return Err(Error::Answer {
                step,
                reason: "the server doesn't take signatures of the key's kind (ES384 for P-384, RS384 for RSA)",
            });
        }
        caller.link(step, &configuration.token_endpoint, "if it is right, name the token endpoint yourself")
    }
}

async fn json<T: serde::de::DeserializeOwned>(
    caller: &Caller,
    step: Step,
    ask: &Ask<'_>,
) -> Result<T, Error> {
    let answer = caller.send(ask, None).await.map_err(|failure| Error::Unanswered { step, failure })?;
    if answer.status != StatusCode::OK {
        return Err(caller.refusal(step, answer).await);
    }
    let body = caller.body(step, answer, MAX_ANSWER_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|_| Error::Answer { step, reason: "the answer isn't the JSON that it should be" })
}
