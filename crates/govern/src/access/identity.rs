//! People and services as an identity provider knows them (OpenID Connect; the shape of tokens is Entra ID's), and what their roles
//! open. Where key sets come from is the caller's affair: nothing here opens a connection.

use super::{
    Caller, Scope,
    jwt::{Audience, Flaw, Unverified, fits},
    role::{RoleRule, RolesTable, granted},
};
use crate::{Error, SigningKey, hex};
use events::Time;
use jsonwebtoken::{Algorithm, jwk::Jwk};
use serde::Deserialize;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};
use zeroize::Zeroizing;

/// RS384 and the rest are left out because no provider uses them; `none` and HMAC because nobody may.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384];
/// How far the clocks of two machines may be apart.
const LEEWAY_SECONDS: i64 = 60;
/// A key set is asked for again when it is so old …
const REFRESH_SECONDS: i64 = 3_600;
/// … and not believed any more when it is so old: a key that was taken back must not open for ever because its issuer can't be reached.
const BELIEVED_SECONDS: i64 = 86_400;
/// How soon a key set is asked for again, whatever keys are named: whoever makes up names must not keep the issuer busy.
const RETRY_SECONDS: i64 = 60;
/// The same while there is none at all.
const FIRST_RETRY_SECONDS: i64 = 5;
/// Of a set so many keys are read.
const MAX_KEYS: usize = 64;

/// `oidc.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentitiesFile {
    #[serde(default)]
    private_network: bool,
    #[serde(default)]
    issuer: Vec<Provider>,
    #[serde(default)]
    roles: RolesTable,
}

/// Who may sign tokens of people and services.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The token's `iss`, to the letter.
    iss: String,
    /// The token's `aud`: what this server is called there.
    aud: Names,
    /// The token's `tid`, where the issuer serves several tenants.
    #[serde(default)]
    tid: Option<String>,
    /// Where the issuer's public keys are: an https address, or a file relative to `oidc.toml`.
    jwks: String,
    /// The claim that holds roles.
    #[serde(default = "roles_claim")]
    roles_claim: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

fn roles_claim() -> String {
    "roles".to_owned()
}

/// Where a key set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysAt {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Url(String),
}

/// Checks tokens of an identity provider.
pub struct Identities {
    directory: PathBuf,
    /// Its key sets may be on a private network.
    pub private_network: bool,
    providers: Vec<Provider>,
    roles: Vec<RoleRule>,
    held: RwLock<Vec<Held>>,
    /// Keys the digests of whoever has no object's id.
    caller_key: Zeroizing<[u8; 32]>,
}

/// What is known of an issuer's keys. Times are in seconds.
#[derive(Clone, Default)]
struct Held {
    keys: Vec<Jwk>,
    since: Option<i64>,
    tried: Option<i64>,
}

/// Why a token of an identity provider opens nothing. The words go into the log, and to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// Not a token, or none that says who it is about, for whom, and until when.
    #[error("the token can't be read, or lacks one of iss, aud, exp, sub")]
    Malformed,
    /// `none`, HMAC, or another algorithm than the three.
    #[error("the token must be signed by RS256, ES256 or ES384")]
    Algorithm,
    /// Nobody we trust.
    #[error("the token's issuer (iss) is not on this server's list")]
    Issuer,
    /// A key that the issuer's set doesn't hold.
    #[error("the token's key (kid) is not in its issuer's key set")]
    Key,
    /// The signature doesn't fit.
    #[error("the token's signature does not fit")]
    Signature,
    /// For somebody else.
    #[error("the token's audience (aud) is not this server; ask the issuer for a token for this application")]
    Audience,
    /// Of another tenant.
    #[error("the token's tenant (tid) is not the one that this server trusts")]
    Tenant,
    /// Too late or too early.
    #[error("the token has expired or is not valid yet; ask the issuer for a new one")]
    Time,
    /// Whose it is may do nothing here.
    #[error("the token holds no role that this server knows; ask whoever assigns roles for one")]
    Role,
    /// The issuer's keys can't be read at this moment.
    #[error("the issuer's keys can't be read at this moment")]
    Unavailable,
}

impl From<Flaw> for IdentityRefusal {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Malformed => IdentityRefusal::Malformed,
            Flaw::Algorithm => IdentityRefusal::Algorithm,
            Flaw::Key => IdentityRefusal::Key,
            Flaw::Signature => IdentityRefusal::Signature,
        }
    }
}

/// What a key set lacks for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The key: it can only be opened, if at all, after the set was asked for again.
    Key,
    /// Nothing, but the set is old.
    Age,
}

#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    oid: Option<String>,
    sub: String,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

#[derive(Clone, Deserialize)]
struct Issued {
    iss: String,
}

impl Identities {
    /// Reads `oidc.toml`. No key set is read yet. Whoever has no object's id is on record by a digest under a key of `signing`.
    ///
    /// # Errors
    /// When the file can't be read, or leaves open who is trusted or what a role opens.
    pub fn open(path: &Path, signing: &SigningKey) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Io { what: "oidc.toml can't be read", source })?;
        Identities::parse(&text, path.parent().unwrap_or(Path::new("")), signing)
    }

    /// The same from the file's text. Files that it names lie in `directory`.
    ///
    /// # Errors
    /// As for [`Identities::open`].
    pub fn parse(text: &str, directory: &Path, signing: &SigningKey) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Settings { file: "oidc.toml", reason };
        let file: IdentitiesFile = toml::from_str(text)
            .map_err(|error| wrong(events::misread(text, error.span(), error.message())))?;
        let roles = file.roles.rules().map_err(&wrong)?;
        for provider in &file.issuer {
            let names = match &provider.aud {
                Names::One(name) => std::slice::from_ref(name),
                Names::Several(names) => names,
            };
            if provider.iss.is_empty() || names.is_empty() || names.iter().any(String::is_empty) {
                return Err(wrong("an issuer needs iss and aud".to_owned()));
            }
            if provider.iss.contains(['{', '}']) {
                return Err(wrong("iss names one tenant, not {tenantid}".to_owned()));
            }
            let twice = file.issuer.iter().filter(|other| other.iss == provider.iss).count() > 1;
            if twice {
                return Err(wrong("an issuer is named twice".to_owned()));
            }
        }
        if file.issuer.is_empty() {
            return Err(wrong("it names no issuer".to_owned()));
        }
        Ok(Identities {
            directory: directory.to_owned(),
            private_network: file.private_network,
            held: RwLock::new(vec![Held::default(); file.issuer.len()]),
            providers: file.issuer,
            roles,
            caller_key: Zeroizing::new(signing.caller_key()),
        })
    }

    /// Where each issuer's keys are.
    pub fn keys_at(&self) -> Vec<KeysAt> {
        let place = |provider: &Provider| match provider.jwks.contains("://") {
            true => KeysAt::Url(provider.jwks.clone()),
            false => KeysAt::File(self.directory.join(&provider.jwks)),
        };
        self.providers.iter().map(place).collect()
    }

    /// The same, with the key sets that `before` holds of issuers whose keys are at the same address still. Sets in files are not carried: who
    /// says that they are to be read anew means what is in them now.
    #[must_use]
    pub fn carrying(self, before: &Identities) -> Self {
        let (ours, theirs) = (self.keys_at(), before.keys_at());
        let carried = |(provider, at): (&Provider, &KeysAt)| {
            let is_same = |(other, there): (&Provider, &KeysAt)| other.iss == provider.iss && there == at;
            let place = before.providers.iter().zip(&theirs).position(is_same)?;
            matches!(at, KeysAt::Url(_)).then(|| before.held(place)).flatten()
        };
        let held = self.providers.iter().zip(&ours).map(|pair| carried(pair).unwrap_or_default()).collect();
        Identities { held: RwLock::new(held), ..self }
    }

    /// Does the key set of a token's issuer, by its place, lack something for the token?
    pub fn lacks(&self, token: &str, now: Time) -> Option<(usize, Lack)> {
        let unverified = Unverified::read(token, &ALGORITHMS).ok()?;
        let place = self.place_of(&unverified.claimed::<Issued>().ok()?.iss)?;
        let seconds = seconds(now);
        let held = self.held(place)?;
        let has_key = held.believed(seconds) && held.find(&unverified.kid).is_some();
        let is_old = held.since.is_none_or(|since| apart(seconds, since) >= REFRESH_SECONDS);
        match (has_key, is_old) {
            (false, _) => Some((place, Lack::Key)),
            (true, true) => Some((place, Lack::Age)),
            (true, false) => None,
        }
    }

    /// May an issuer be asked for its keys at this moment? Asked so, it counts as asked.
    pub fn may_ask(&self, place: usize, now: Time) -> bool {
        let seconds = seconds(now);
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = all.get_mut(place) else { return false };
        let wait = if held.since.is_some() { RETRY_SECONDS } else { FIRST_RETRY_SECONDS };
        let may = held.tried.is_none_or(|tried| apart(seconds, tried) >= wait);
        if may {
            held.tried = Some(seconds);
        }
        may
    }

    /// Takes a key set, in place of the one that was held.
    ///
    /// # Errors
    /// When it holds no key by which a token could be signed; the one before is kept then.
    pub fn take_keys(&self, place: usize, set: &[u8], now: Time) -> Result<(), Error> {
        let none = Error::Malformed(
            "an issuer's key set holds no RSA key of 2048 bits or more and none on P-256 or P-384",
        );
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let Ok(set) = serde_json::from_slice::<Set>(set) else { return Err(none) };
        // Of kinds that aren't known here a set may hold as many as it likes.
        let keys = set.keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<Jwk> =
            keys.filter(|key| ALGORITHMS.iter().any(|algorithm| fits(key, *algorithm))).collect();
        if keys.is_empty() {
            return Err(none);
        }
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get_mut(place) {
            held.keys = keys;
            held.since = Some(seconds(now));
        }
        Ok(())
    }

    /// Whose is this token, and what do its roles open at a door of this scope?
    ///
    /// # Errors
    /// When it opens nothing anywhere.
    pub fn admit(&self, token: &str, door: Option<Scope>, now: Time) -> Result<Caller, IdentityRefusal> {
        let unverified = Unverified::read(token, &ALGORITHMS)?;
        // Who claims to have signed decides only which keys are tried.
        let issued: Issued = unverified.claimed()?;
        let place = self.place_of(&issued.iss).ok_or(IdentityRefusal::Issuer)?;
        let held = self.held(place).ok_or(IdentityRefusal::Issuer)?;
        let seconds = seconds(now);
        if !held.believed(seconds) {
            return Err(IdentityRefusal::Unavailable);
        }
        let key = held.find(&unverified.kid).ok_or(IdentityRefusal::Key)?;
        self.caller(&self.providers[place], &unverified.verified(key)?, door, seconds)
    }

    /// Who an issuer says that it is, in claims that it signed.
    fn caller(
        &self,
        provider: &Provider,
        claims: &Claims,
        door: Option<Scope>,
        seconds: i64,
    ) -> Result<Caller, IdentityRefusal> {
        let is_ours = match &provider.aud {
            Names::One(name) => claims.aud.names(name),
            Names::Several(names) => names.iter().any(|name| claims.aud.names(name)),
        };
        if !is_ours {
            return Err(IdentityRefusal::Audience);
        }
        if provider.tid.is_some() && provider.tid != claims.tid {
            return Err(IdentityRefusal::Tenant);
        }
        let timely = claims.exp > seconds.saturating_sub(LEEWAY_SECONDS)
            && claims.nbf.is_none_or(|nbf| nbf <= seconds.saturating_add(LEEWAY_SECONDS));
        if !timely {
            return Err(IdentityRefusal::Time);
        }
        let values = match claims.others.get(&provider.roles_claim) {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let grants = granted(&self.roles, &values, door);
        if grants.is_empty() {
            return Err(IdentityRefusal::Role);
        }
        Ok(Caller::with_roles(format!("{}#{}", claims.iss, pseudonym(claims, &self.caller_key)), grants))
    }

    /// Reads claims as if each issuer had signed them, for fuzzing: what any issuer may sign.
    #[doc(hidden)]
    pub fn fuzz_claims(&self, claims: &[u8], now: Time) -> Vec<Caller> {
        let Ok(claims) = serde_json::from_slice::<Claims>(claims) else { return Vec::new() };
        let of = |provider| self.caller(provider, &claims, Some(Scope::Read), seconds(now)).ok();
        self.providers.iter().filter_map(of).collect()
    }

    fn place_of(&self, iss: &str) -> Option<usize> {
        self.providers.iter().position(|provider| provider.iss == iss)
    }

    fn held(&self, place: usize) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }
}

impl Held {
    fn believed(&self, seconds: i64) -> bool {
        self.since.is_some_and(|since| apart(seconds, since) < BELIEVED_SECONDS)
    }

    fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.common.key_id.as_deref() == Some(kid))
    }
}

/// Who it is, for the ledger: the object's id in the directory, which says nothing by itself. Other providers' `sub` may be a name or an
/// address, so that of it a digest is told: the first 16 bytes of keyed BLAKE3 over issuer, line feed, `sub`. Without the key, who has a list
/// of addresses could try them.
fn pseudonym(claims: &Claims, key: &[u8; 32]) -> String {
    let is_id = |text: &str| {
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    match &claims.oid {
        Some(oid) if is_id(oid) => oid.to_ascii_lowercase(),
        _ => {
            let digest = blake3::keyed_hash(key, format!("{}\n{}", claims.iss, claims.sub).as_bytes());
            format!("sub:{}", hex::encode(&digest.as_bytes()[..16]))
        }
    }
}

fn seconds(now: Time) -> i64 {
    now.micros().div_euclid(1_000_000)
}

/// How far two moments are apart, whichever came first: a clock that ran ahead and was set back leaves moments that lie in the future.
pub(super) fn apart(one: i64, other: i64) -> i64 {
    one.saturating_sub(other).saturating_abs()
}
