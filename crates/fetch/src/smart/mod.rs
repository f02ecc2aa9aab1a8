//! SMART Backend Services: a client without a person shows who it is by a signature, and gets a token.

mod assertion;
mod key;
mod service;
#[cfg(test)]
mod tests;

pub use key::{NoKey, SigningKey};
pub use service::BackendServices;
pub(crate) use service::Granted;
