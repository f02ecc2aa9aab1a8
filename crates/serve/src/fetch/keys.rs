//! Issuers' key sets, fetched from the addresses that the operator named: when a token names a key that isn't known, and once an hour.

use crate::Error;
use events::Time;
use fetch::{AddressRule, Base, Network, Roots};
use govern::{
    Clock,
    access::{Caller, Identities, IdentityRefusal, KeysAt, Lack, Scope},
    others_can_write,
};
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};

/// To connect, and again for TLS.
const CONNECT: Duration = Duration::from_secs(2);
/// For a key set, all in all.
const TIME: Duration = Duration::from_secs(5);
/// The largest key set. Entra ID's have some 20 KB.
const MAX_BYTES: usize = 256 << 10;

/// People and services as an identity provider knows them, with the way to its keys. Cheap to clone.
#[derive(Clone)]
pub struct SignedIn(Arc<Shared>);

struct Shared {
    identities: Identities,
    network: Network,
    /// Where each issuer's keys are, and the turn of who asks for them.
    places: Vec<(Place, Mutex<()>)>,
}

enum Place {
    File(PathBuf),
    Server(Base),
}

impl SignedIn {
    /// With the certificates (PEM) of whom to trust in TLS, where an issuer's keys are at an address. Key sets in files are read at once.
    ///
    /// # Errors
    /// When an address isn't one that may be asked, or the certificates or a file of keys can't be read.
    pub fn new(identities: Identities, roots: &[u8], now: Time) -> Result<Self, Error> {
        let mut places = Vec::new();
        for place in identities.keys_at() {
            let place = match place {
                KeysAt::File(path) => {
                    let set = std::fs::read(&path).ok();
                    set.and_then(|set| identities.take_keys(places.len(), &set, now).ok()).ok_or(Error::Setting {
                        name: "jwks",
                        reason: "must name a file with a key set of RSA keys from 2048 bits or keys on P-256 or P-384",
                    })?;
                    Place::File(path)
                }
                KeysAt::Url(address) => Place::Server(Base::parse(&address).ok_or(Error::Setting {
                    name: "jwks",
                    reason: "must be an https address of plain letters without a query, or a file; http for a loopback address only",
                })?),
            };
            places.push((place, Mutex::default()));
        }
        let secure = places.iter().any(|(place, _)| matches!(place, Place::Server(base) if base.is_secure()));
        let roots = match secure {
            true => Roots::from_pem(roots)
                .map_err(|no| Error::Setting { name: "the certificates of whom to trust", reason: no.0 })?,
            false => Roots::none(),
        };
        let rule = match identities.private_network {
            true => AddressRule::PrivateToo,
            false => AddressRule::Public,
        };
        let network = Network { roots, rule, connect: CONNECT };
        Ok(SignedIn(Arc::new(Shared { identities, network, places })))
    }

    /// How many issuers there are.
    pub fn issuers(&self) -> usize {
        self.0.places.len()
    }

    /// The same, with what `before` knows of issuers whose keys are at the same address still: while such an issuer is away, its keys go on.
    pub(crate) fn carrying(self, before: &SignedIn) -> Self {
        // Nobody else has it yet: what can't be carried is asked for anew.
        match Arc::try_unwrap(self.0) {
            Ok(shared) => {
                let identities = shared.identities.carrying(&before.0.identities);
                SignedIn(Arc::new(Shared { identities, ..shared }))
            }
            Err(shared) => SignedIn(shared),
        }
    }

    /// Whose is this token, and what do its roles open at a door of this scope? A key that isn't known is asked for once, and nobody waits
    /// for a set that is merely old.
    pub(crate) async fn admit(
        &self,
        token: &str,
        door: Option<Scope>,
        clock: &Clock,
    ) -> Result<Caller, IdentityRefusal> {
        let Shared { identities, places, .. } = &*self.0;
        match identities.lacks(token, clock()) {
            Some((place, Lack::Key)) if place < places.len() => {
                // Whoever comes while another asks waits for that answer.
                let _turn = places[place].1.lock().await;
                if matches!(identities.lacks(token, clock()), Some((_, Lack::Key)))
                    && identities.may_ask(place, clock())
                {
                    self.0.renew(place, clock).await;
                }
            }
            Some((place, Lack::Age)) if identities.may_ask(place, clock()) => {
                let (shared, clock) = (self.0.clone(), clock.clone());
                drop(tokio::spawn(async move { shared.renew(place, &clock).await }));
            }
            _ => {}
        }
        identities.admit(token, door, clock())
    }
}

impl Shared {
    async fn renew(&self, place: usize, clock: &Clock) {
        let Some((at, _)) = self.places.get(place) else { return };
        let set = match at {
            // Small and near: waiting for it here takes less than handing it on.
            Place::File(path) => match others_can_write(path) {
                Ok(false) => std::fs::read(path).map_err(|_| "its file can't be read"),
                Ok(true) => Err(
                    "others can write its file, or a directory above it; run `chmod go-w` on it, or `chown`",
                ),
                Err(_) => Err("its file can't be looked at"),
            },
            Place::Server(base) => {
                timeout(TIME, self.ask(base)).await.unwrap_or(Err("its server was too late"))
            }
        };
        let taken = set.and_then(|set| {
            self.identities
                .take_keys(place, &set, clock())
                .map_err(|_| "what came is no key set for these tokens")
        });
        if let Err(reason) = taken {
            tracing::error!(
                reason,
                issuer = place + 1,
                "an issuer's keys could not be read; those before go on"
            );
        }
    }

    async fn ask(&self, base: &Base) -> Result<Vec<u8>, &'static str> {
        let target = if base.path().is_empty() { "/" } else { base.path() };
        let request = Request::get(target)
            .header(header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|_| "its address is none")?;
        let answer = self.network.send(base, request).await.map_err(|_| "its server gave no connection")?;
        // A redirect is such another status.
        if answer.status != StatusCode::OK {
            return Err("its server gave another status than 200");
        }
        let kinds = ["application/json", "application/jwk-set+json"];
        if !kinds.contains(&answer.media_type().as_str())
            || !answer.header(header::CONTENT_ENCODING).is_empty()
        {
            return Err("its server gave no JSON");
        }
        match answer.bytes(MAX_BYTES).await {
            Ok(Some(bytes)) => Ok(bytes.to_vec()),
            Ok(None) => Err("its server gave more than is taken"),
            Err(_) => Err("its server broke off"),
        }
    }
}
