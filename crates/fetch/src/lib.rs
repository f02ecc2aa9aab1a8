//! Connections outward. Whoever opens one in Osler does it through this room.
//!
//! What may enter: which addresses may be opened ([`Base`], [`AddressRule`]), TLS ([`Roots`]), and one request to one server on a
//! connection of its own ([`Network`]). What may not: what is asked for, other than in bulk exports; the doors that ask for
//! it; files' names that a user chose; any clock, flag or environment.
//!
//! Rules that hold for every connection, each with a test:
//!
//! - `https` alone; `http` only for a loopback address.
//! - A name is resolved once for each connection, and the address that was checked is the one that is opened, so that a name can't
//!   mean another machine a moment later. Loopback, link-local (where clouds keep their metadata), multicast and
//!   unspecified addresses are never opened for a name; private ones only when the operator says so.
//! - No redirect is followed unasked, no proxy asked.
//! - Tokens are held in a type that can't be printed ([`Token`]).
//!
//! ```
//! use fetch::Base;
//! let ehr = Base::parse("https://EHR.example/fhir/").unwrap();
//! assert_eq!((ehr.authority().as_str(), ehr.path()), ("ehr.example", "/fhir"));
//! assert!(Base::parse("http://ehr.example/fhir").is_none(), "it would tell the token to the network");
//! assert!(ehr.within("https://evil.example/fhir?page=2").is_none());
//! ```

mod address;
mod base;
pub mod bulk;
mod caller;
mod error;
mod link;
mod network;
pub mod smart;
mod token;

pub use address::AddressRule;
pub use base::Base;
pub use error::{Error, Step};
pub use link::Link;
pub use network::{Answer, Failure, Network, NoRoots, Roots};
pub use token::Token;
