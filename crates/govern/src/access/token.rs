//! Signed tokens of trusted issuers, as CDS Hooks has them
//! (<https://cds-hooks.hl7.org/2.0/#trusting-cds-clients>): ES384 or RS384, for this very address, short-lived, and
//! each used once.

use super::{
    Caller, Grant, Scope,
    identity::apart,
    jwt::{Audience, Flaw, Unverified, fits},
    used::Used,
};
use crate::{Error, others_can_write};
use events::Time;
use jsonwebtoken::{
    Algorithm,
    jwk::{Jwk, JwkSet},
};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
};

/// The two that the specification has.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES384, Algorithm::RS384];
/// How far the clocks of two machines may be apart.
const LEEWAY_SECONDS: i64 = 30;
/// How long a token may live. The specification recommends five minutes.
const MAX_LIFETIME_SECONDS: i64 = 300 + LEEWAY_SECONDS;
/// How soon key sets are read again: whoever makes up names of keys should not keep the disk busy.
const REREAD_SECONDS: i64 = 5;

/// `issuers.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuersFile {
    audience: String,
    #[serde(default)]
    issuer: Vec<Issuer>,
}

/// Who may sign tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The token's `iss`, to the letter.
    pub iss: String,
    /// The file with the issuer's public keys, a JSON Web Key Set, relative to `issuers.toml`. It is read again
    /// when a token names a key that it didn't hold, but not more often than every five seconds.
    pub jwks: PathBuf,
    /// Calls a minute.
    #[serde(default)]
    pub per_minute: Option<u32>,
}

/// Checks tokens.
pub struct Tokens {
    directory: PathBuf,
    /// The server's own address as callers write it, without a slash at its end.
    audience: String,
    issuers: Vec<Issuer>,
    keys: RwLock<Vec<JwkSet>>,
    used: Used,
    /// When key sets were last read again, in seconds.
    reread: Mutex<i64>,
}

/// Why a token opens nothing. The words go into the log, and to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Not a token.
    #[error("the token can't be read")]
    Malformed,
    /// `none`, HMAC, or another algorithm than the two.
    #[error("the token must be signed by ES384 or RS384")]
    Algorithm,
    /// Nobody we trust.
    #[error("the token's issuer is not on this server's list")]
    Issuer,
    /// A key that the issuer's set doesn't hold.
    #[error("the token's key (kid) is not in its issuer's key set")]
    Key,
    /// The signature doesn't fit.
    #[error("the token's signature does not fit")]
    Signature,
    /// For another address.
    #[error("the token's audience (aud) is not this very address")]
    Audience,
    /// Too late, too early, or for too long.
    #[error("the token has expired, is not valid yet, or lives longer than five minutes")]
    Time,
    /// Used before.
    #[error("the token was used before (jti)")]
    Replayed,
    /// Too many to remember.
    #[error("more tokens are in use than this server remembers; try again in a minute")]
    Full,
    /// Whether it was used before can't be told at this moment.
    #[error("the tokens that were used can't be read at this moment")]
    Unavailable,
}

impl From<Flaw> for TokenRefusal {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Malformed => TokenRefusal::Malformed,
            Flaw::Algorithm => TokenRefusal::Algorithm,
            Flaw::Key => TokenRefusal::Key,
            Flaw::Signature => TokenRefusal::Signature,
        }
    }
}

#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    jti: String,
}

/// Who a token says that issued it, before anything of it is believed.
#[derive(Clone, Deserialize)]
struct Issued {
    iss: String,
}

impl Tokens {
    /// Reads `issuers.toml` and the key sets that it names. Which tokens were used is kept beside it (`used_tokens.db`), so that
    /// none opens twice, a restart between or not.
    ///
    /// # Errors
    /// When a file can't be read, or a key set holds no key for ES384 or RS384.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Settings { file: "issuers.toml", reason };
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Io { what: "issuers.toml can't be read", source })?;
        let file: IssuersFile = toml::from_str(&text)
            .map_err(|error| wrong(events::misread(&text, error.span(), error.message())))?;
        if !file.audience.starts_with("http") || file.audience.ends_with('/') {
            return Err(wrong(
                "audience is this server's address, such as https://osler.example, without / at its end"
                    .into(),
            ));
        }
        let directory = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let tokens = Tokens {
            used: Used::open(&directory.join("used_tokens.db"))?,
            directory,
            audience: file.audience,
            issuers: file.issuer,
            keys: RwLock::default(),
            reread: Mutex::new(i64::MIN),
        };
        let sets: Result<Vec<JwkSet>, Error> =
            tokens.issuers.iter().map(|issuer| tokens.read_keys(issuer)).collect();
        *tokens.keys.write().unwrap_or_else(PoisonError::into_inner) = sets?;
        Ok(tokens)
    }

    fn read_keys(&self, issuer: &Issuer) -> Result<JwkSet, Error> {
        let wrong = |reason: String| Error::Settings { file: "issuers.toml", reason };
        let path = self.directory.join(&issuer.jwks);
        let unreadable = |source| Error::Io { what: "a key set of issuers.toml can't be read", source };
        if others_can_write(&path).map_err(unreadable)? {
            return Err(wrong(format!(
                "{}, or a directory above it or its link, can be written by others than root and the server's own user, who would decide \
                 whose tokens are believed; run `chmod go-w` on it, or `chown`",
                issuer.jwks.display()
            )));
        }
        let text = std::fs::read(&path).map_err(unreadable)?;
        let set: JwkSet = serde_json::from_slice(&text)
            .map_err(|_| wrong(format!("{} is no JSON Web Key Set", issuer.jwks.display())))?;
        if !set.keys.iter().any(|key| ALGORITHMS.iter().any(|algorithm| fits(key, *algorithm))) {
            return Err(wrong(format!(
                "{} holds no key on P-384 and no RSA key of 2048 bits or more",
                issuer.jwks.display()
            )));
        }
        Ok(set)
    }

    /// Who signed this token for `path` of this server?
    ///
    /// # Errors
    /// When it opens nothing. A token is only counted as used when everything else about it is right.
    pub fn admit(&self, token: &str, path: &str, now: Time) -> Result<Caller, TokenRefusal> {
        let unverified = Unverified::read(token, &ALGORITHMS)?;
        // Who claims to have signed decides only which keys are tried.
        let claimed: Claims = unverified.claimed()?;
        let place =
            self.issuers.iter().position(|issuer| issuer.iss == claimed.iss).ok_or(TokenRefusal::Issuer)?;
        let seconds = now.micros().div_euclid(1_000_000);
        let key = self.key(place, &unverified.kid, seconds).ok_or(TokenRefusal::Key)?;
        let claims: Claims = unverified.verified(&key)?;
        if !claims.aud.names(&format!("{}{path}", self.audience)) {
            return Err(TokenRefusal::Audience);
        }
        let timely = claims.exp > seconds.saturating_sub(LEEWAY_SECONDS)
            && claims.iat <= seconds.saturating_add(LEEWAY_SECONDS)
            && claims.exp.saturating_sub(claims.iat) <= MAX_LIFETIME_SECONDS;
        if !timely {
            return Err(TokenRefusal::Time);
        }
        let until = claims.exp.saturating_add(LEEWAY_SECONDS);
        self.used.once(&claims.iss, &claims.jti, until, seconds)?;
        let mut grant = Grant::new(claims.iss.clone(), [Scope::Cds]);
        grant.per_minute = self.issuers[place].per_minute;
        Ok(Caller::granted(format!("issuer:{}", claims.iss), grant))
    }

    fn key(&self, place: usize, kid: &str, seconds: i64) -> Option<Jwk> {
        let find = || {
            let sets = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            sets.get(place)?.find(kid).cloned()
        };
        find().or_else(|| {
            // The issuer may have rolled its keys over.
            let mut reread = self.reread.lock().unwrap_or_else(PoisonError::into_inner);
            if apart(seconds, *reread) < REREAD_SECONDS {
                return None;
            }
            *reread = seconds;
            drop(reread);
            let fresh = self.read_keys(&self.issuers[place]).ok()?;
            let mut sets = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            *sets.get_mut(place)? = fresh;
            drop(sets);
            find()
        })
    }

    /// Does this token say that one of these issued it?
    pub fn are_of(&self, token: &str) -> bool {
        let issued = Unverified::read(token, &ALGORITHMS).and_then(|token| token.claimed::<Issued>());
        issued.is_ok_and(|issued| self.issuers.iter().any(|issuer| issuer.iss == issued.iss))
    }

    /// The issuers, for people.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }
}
