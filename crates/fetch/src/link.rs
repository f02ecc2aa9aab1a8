//! A whole address that a server gave: where a job is asked for, where a file lies.

use crate::Base;
use std::fmt;

/// The longest link that is taken; signed ones are long.
pub(crate) const MAX_LINK_BYTES: usize = 8 << 10;

/// An origin with path and query. It may hold a signature or a patient's id, and can't be printed: only its origin can.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    origin: Base,
    target: String,
}

impl Link {
    /// Reads an absolute address: no user info, no fragment, visible ASCII alone.
    pub fn parse(address: &str) -> Option<Link> {
        if address.len() > MAX_LINK_BYTES {
            return None;
        }
        let at = address.find("://")? + 3;
        let end = address[at..].find(['/', '?', '#']).map_or(address.len(), |found| at + found);
        let (origin, target) = address.split_at(end);
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`');
        if !target.bytes().all(plain) {
            return None;
        }
        let target = match target.as_bytes().first() {
            None => "/".to_owned(),
            Some(b'?') => format!("/{target}"),
            Some(_) => target.to_owned(),
        };
        Some(Link { origin: Base::parse(origin)?, target })
    }

    /// A link within a server, from its base.
    pub(crate) fn of(base: &Base, target: String) -> Link {
        Link { origin: base.origin(), target }
    }

    /// The server, without a path.
    pub fn origin(&self) -> &Base {
        &self.origin
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The whole address again.
    pub(crate) fn address(&self) -> String {
        let scheme = if self.origin.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.origin.authority(), self.target)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/‹redacted›", self.origin.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_strictly_and_printed_by_origin_alone() {
        let signed = "https://files.example:8443/a%2Fb/Patient.ndjson?sig=Canary%3D&x=1";
        let link = Link::parse(signed).unwrap();
        assert_eq!(
            (link.target(), link.address().as_str()),
            ("/a%2Fb/Patient.ndjson?sig=Canary%3D&x=1", signed)
        );
        assert_eq!(format!("{link:?}"), "files.example:8443/‹redacted›");
        assert_eq!(Link::parse("https://ehr.example").unwrap().target(), "/");
        assert_eq!(Link::parse("https://ehr.example?x=1").unwrap().target(), "/?x=1");
        for address in [
            "",
            "/fhir/bulk/1",
            "//ehr.example/x",
            "http://ehr.example/x",
            "https://user:word@ehr.example/x",
            "https://ehr.example/x#y",
            "https://ehr.example/a b",
            "https://ehr.example/a\r\nx: y",
            "https://ehr.example\\@evil.example/x",
            "ftp://ehr.example/x",
            &format!("https://ehr.example/{}", "x".repeat(MAX_LINK_BYTES)),
        ] {
            assert!(Link::parse(address).is_none(), "{address}");
        }
    }
}
