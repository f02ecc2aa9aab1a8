//! What signed tokens have in common, whoever issues them: a header, a short list of algorithms, a key of the issuer's, a signature.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::{Deserialize, de::DeserializeOwned};

/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 8 << 10;
/// The fewest letters of an RSA modulus of 2048 bits: base64 holds six bits a letter.
const MIN_MODULUS_LETTERS: usize = 342;

/// What is wrong with a token before anything that it claims is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not a token.
    Malformed,
    /// `none`, HMAC, or another algorithm than those that are taken.
    Algorithm,
    /// It names no key, or one that isn't its issuer's.
    Key,
    /// The signature doesn't fit.
    Signature,
}

/// A token of which nothing is believed yet.
pub(super) struct Unverified<'a> {
    token: &'a str,
    algorithm: Algorithm,
    /// The key that it names.
    pub(super) kid: String,
}

impl<'a> Unverified<'a> {
    /// Reads a token's header.
    pub(super) fn read(token: &'a str, allowed: &[Algorithm]) -> Result<Self, Flaw> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Flaw::Malformed);
        }
        // `none` and HMAC are no words that the reader of headers, or the next line, accepts.
        let header = decode_header(token).map_err(|_| unreadable(token))?;
        if !allowed.contains(&header.alg) {
            return Err(Flaw::Algorithm);
        }
        // Who issued it says that it must not be taken by who doesn't know these words (RFC 7515, 4.1.11). We know none.
        if header.crit.is_some() {
            return Err(Flaw::Malformed);
        }
        Ok(Unverified { token, algorithm: header.alg, kid: header.kid.ok_or(Flaw::Key)? })
    }

    /// What it claims. Good for nothing but to tell which keys are to be tried.
    pub(super) fn claimed<C: DeserializeOwned>(&self) -> Result<C, Flaw> {
        jsonwebtoken::dangerous::insecure_decode_claims(self.token).map_err(|_| Flaw::Malformed)
    }

    /// What it claims, signed by this key. Times, audience and issuer are the caller's to check: against the clock that it was given, and to
    /// the letter.
    pub(super) fn verified<C: DeserializeOwned + Clone>(&self, key: &Jwk) -> Result<C, Flaw> {
        if !fits(key, self.algorithm) {
            return Err(Flaw::Algorithm);
        }
        let key = DecodingKey::from_jwk(key).map_err(|_| Flaw::Key)?;
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let token = decode::<C>(self.token, &key, &validation).map_err(|error| match error.kind() {
            // The signature fits, and what it signs isn't what such a token holds.
            ErrorKind::Json(_) => Flaw::Malformed,
            _ => Flaw::Signature,
        })?;
        Ok(token.claims)
    }
}

/// What is wrong with a token whose header can't be read: an algorithm that is none of the known ones, or all.
fn unreadable(token: &str) -> Flaw {
    if token.split('.').count() == 3 { Flaw::Algorithm } else { Flaw::Malformed }
}

/// Is a key for signatures by this algorithm?
pub(super) fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let says = match algorithm {
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::RS384 => KeyAlgorithm::RS384,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        Algorithm::ES384 => KeyAlgorithm::ES384,
        _ => return false,
    };
    let kind = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => algorithm == Algorithm::ES256,
            EllipticCurve::P384 => algorithm == Algorithm::ES384,
            _ => false,
        },
        AlgorithmParameters::RSA(rsa) => {
            rsa.n.len() >= MIN_MODULUS_LETTERS && matches!(algorithm, Algorithm::RS256 | Algorithm::RS384)
        }
        _ => false,
    };
    kind && key.common.key_algorithm.is_none_or(|named| named == says)
        && !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
}

/// For whom a token is.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn names(&self, whom: &str) -> bool {
        match self {
            Audience::One(one) => one == whom,
            Audience::Several(several) => several.iter().any(|one| one == whom),
        }
    }
}
