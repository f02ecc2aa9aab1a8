//! The private key that stands for this client, and its signatures.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use std::fmt;

/// The private key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key {0}")]
pub struct NoKey(pub &'static str);

/// A private key for client assertions: P-384 (ES384) or RSA of at least 2048 bits (RS384). It can't be printed.
pub struct SigningKey {
    pair: Pair,
    key_id: Option<String>,
}

enum Pair {
    Es384(Box<EcdsaKeyPair>),
    Rs384(Box<RsaKeyPair>),
}

/// A private key as a JSON Web Key (RFC 7517, RFC 7518 §6).
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Jwk {
    keys: Option<Vec<Jwk>>,
    kty: String,
    crv: String,
    kid: Option<String>,
    x: String,
    y: String,
    d: String,
    n: String,
    e: String,
    p: String,
    q: String,
    dp: String,
    dq: String,
    qi: String,
}

impl SigningKey {
    /// From a file: PEM (PKCS #8, or PKCS #1 for RSA), or a JSON Web Key (or a set with one key) whose `kid` is taken. A named
    /// `key_id` goes before.
    ///
    /// # Errors
    /// When it holds no private key of a kind that SMART asks for.
    pub fn read(file: &[u8], key_id: Option<String>) -> Result<Self, NoKey> {
        if file.trim_ascii_start().starts_with(b"{") {
            return Self::from_jwk(file, key_id);
        }
        let key = PrivateKeyDer::from_pem_slice(file).map_err(|_| NoKey("is no PEM and no JSON Web Key"))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(|pair| Pair::Rs384(Box::new(pair)));
                let random = SystemRandom::new();
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &random)
                    .ok()
                    .map(|pair| Pair::Es384(Box::new(pair)))
                    .or_else(rsa)
            }
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(|pair| Pair::Rs384(Box::new(pair)))
            }
            _ => return Err(NoKey("must be PKCS #8: `openssl pkcs8 -topk8 -nocrypt` makes it so")),
        };
        let pair = pair.ok_or(NoKey("must be of the curve P-384, or RSA of 2048 to 4096 bits"))?;
        Ok(SigningKey { pair, key_id })
    }

    fn from_jwk(file: &[u8], key_id: Option<String>) -> Result<Self, NoKey> {
        let mut jwk: Jwk = serde_json::from_slice(file).map_err(|_| NoKey("is no JSON Web Key"))?;
        if let Some(keys) = jwk.keys.take() {
            let one: [Jwk; 1] =
                keys.try_into().map_err(|_| NoKey("must stand alone in its set of JSON Web Keys"))?;
            [jwk] = one;
        }
        let bytes = |text: &str| {
            let decoded = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty());
            decoded.ok_or(NoKey("lacks a private part that its JSON Web Key should have"))
        };
        let pair = match (jwk.kty.as_str(), jwk.crv.as_str()) {
            ("EC", "P-384") => {
                let point = [vec![4], bytes(&jwk.x)?, bytes(&jwk.y)?].concat();
                let (kind, random) = (&ECDSA_P384_SHA384_FIXED_SIGNING, SystemRandom::new());
                EcdsaKeyPair::from_private_key_and_public_key(kind, &bytes(&jwk.d)?, &point, &random)
                    .ok()
                    .map(|pair| Pair::Es384(Box::new(pair)))
            }
            ("RSA", _) => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? },
                    d: bytes(&jwk.d)?,
                    p: bytes(&jwk.p)?,
                    q: bytes(&jwk.q)?,
                    dP: bytes(&jwk.dp)?,
                    dQ: bytes(&jwk.dq)?,
                    qInv: bytes(&jwk.qi)?,
                };
                RsaKeyPair::from_components(&components).ok().map(|pair| Pair::Rs384(Box::new(pair)))
            }
            _ => return Err(NoKey("must be of the curve P-384 or RSA")),
        };
        let pair = pair.ok_or(NoKey("is no whole key of the curve P-384, or RSA of 2048 to 4096 bits"))?;
        Ok(SigningKey { pair, key_id: key_id.or(jwk.kid) })
    }

    /// The name of its signatures' algorithm (RFC 7518 §3.1).
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Es384(_) => "ES384",
            Pair::Rs384(_) => "RS384",
        }
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// A signature as JWS has them (RFC 7518 §3.3, §3.4).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoKey> {
        let random = SystemRandom::new();
        let failed = |_| NoKey("gave no signature: the operating system gave no random numbers");
        match &self.pair {
            Pair::Es384(pair) => pair.sign(&random, message).map(|s| s.as_ref().to_vec()).map_err(failed),
            Pair::Rs384(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA384, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{} key›", self.algorithm())
    }
}
