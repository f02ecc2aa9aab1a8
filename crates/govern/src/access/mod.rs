//! Who may ask: keys, signed tokens of trusted issuers, and tokens of an identity provider with what their roles open.
//!
//! A key's secret is shown once, when it is granted. What is kept is its digest (the secret has 256 random bits, so
//! that a plain digest can't be guessed back), with what it may do, until when, and how often.

mod grant;
mod identity;
mod jwt;
mod keyring;
mod quota;
mod role;
mod secret;
mod token;
mod used;

pub use grant::{Grant, KeyEntry, Scope};
pub use identity::{Identities, IdentityRefusal, KeysAt, Lack, Provider};
pub use keyring::{Caller, Keyring, Refusal};
pub use quota::{Quota, Quotas};
pub use secret::Secret;
pub use token::{Issuer, TokenRefusal, Tokens};

#[cfg(test)]
mod tests;
