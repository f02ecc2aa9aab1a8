//! Which FHIR servers may be asked, and whether an address is one of theirs.

use super::{AddressRule, FetchLimits, client::Roots};
use crate::Error;
use std::{fmt, net::IpAddr, sync::Arc};
use tokio::sync::Semaphore;

/// The longest address that is looked at.
const MAX_ADDRESS_BYTES: usize = 2048;
/// The longest token.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// The FHIR servers that an operator has named.
#[derive(Clone)]
pub struct FhirServers {
    servers: Arc<[Base]>,
    pub(super) roots: Roots,
    pub(super) rule: AddressRule,
    pub(super) limits: FetchLimits,
    pub(super) turns: Arc<Semaphore>,
}

impl FhirServers {
    /// Servers by their base addresses, such as `https://ehr.example/fhir`, with the certificates (PEM) of whom to trust in TLS.
    ///
    /// # Errors
    /// When an address isn't one that may be asked, or the certificates can't be read.
    pub fn new(
        addresses: &[String],
        roots: &[u8],
        rule: AddressRule,
        limits: FetchLimits,
    ) -> Result<Self, Error> {
        let mut servers = Vec::with_capacity(addresses.len());
        for address in addresses {
            servers.push(Base::parse(address).ok_or(Error::Setting {
                name: "a FHIR server's address",
                reason: "must be such as https://ehr.example/fhir: https, a host, a path without ., .. or %; http for a loopback address only",
            })?);
        }
        let secure = servers.iter().any(|server| server.secure);
        Ok(FhirServers {
            servers: servers.into(),
            roots: if secure { Roots::from_pem(roots)? } else { Roots::none() },
            rule,
            limits,
            turns: Arc::new(Semaphore::new(limits.calls)),
        })
    }

    /// The server that an address names, if it is one of these or lies below one.
    pub(crate) fn find(&self, address: &str) -> Option<Base> {
        let asked = Base::parse(address)?;
        self.servers.iter().any(|named| named.holds(&asked)).then_some(asked)
    }
}

impl fmt::Debug for FhirServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.servers.iter()).finish()
    }
}

/// A server's base address, in parts that were each checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(super) secure: bool,
    /// In lower case, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Empty, or `/` and segments, without a slash at the end.
    pub(super) path: String,
}

impl Base {
    /// Reads an address. What isn't plainly one is none: nothing is decoded, nothing normalised but the host's case.
    pub(super) fn parse(address: &str) -> Option<Base> {
        if address.len() > MAX_ADDRESS_BYTES {
            return None;
        }
        let (secure, rest) = match address.split_once("://")? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return None,
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = authority_of(authority)?;
        let port = match port {
            Some(port) => port,
            None if secure => 443,
            None => 80,
        };
        // An operator who writes http for this machine means it; for any other it would tell the token to the network.
        if !secure && !is_loopback_name(&host) {
            return None;
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_plain = |segment: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
        };
        if !path.is_empty() && !path[1..].split('/').all(is_plain) {
            return None;
        }
        Some(Base { secure, host, port, path: path.to_owned() })
    }

    /// Is the other the same origin, at this path or below?
    fn holds(&self, other: &Base) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
            && other
                .path
                .strip_prefix(&self.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path and query of a `next` link, if it leads to this very server.
    pub(super) fn within(&self, link: &str) -> Option<String> {
        let (address, query) =
            link.split_once('?').map_or((link, None), |(address, query)| (address, Some(query)));
        let there = Base::parse(address)?;
        let is_query = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`');
        let query = query.unwrap_or_default();
        if !self.holds(&there) || !query.bytes().all(is_query) {
            return None;
        }
        let path = if there.path.is_empty() { "/" } else { &there.path };
        Some(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
    }

    /// The value of the Host header.
    pub(super) fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The address that the host is, where it is no name.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

fn authority_of(authority: &str) -> Option<(String, Option<u16>)> {
    let port_of = |text: &str| {
        let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten().filter(|port| *port != 0)
    };
    if let Some(rest) = authority.strip_prefix('[') {
        let (inner, after) = rest.split_once(']')?;
        let address: std::net::Ipv6Addr = inner.parse().ok()?;
        let port = match after {
            "" => None,
            after => Some(port_of(after.strip_prefix(':')?)?),
        };
        return Some((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port_of(port)?)),
        None => (authority, None),
    };
    let host = host.to_ascii_lowercase();
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-')
    };
    let is_name = host.len() <= 253 && host.split('.').all(label);
    // What ends in a number is read as an address by some (`2130706433`, `0x7f.1`, `127.1`), so that only whole ones pass.
    let last = host.rsplit('.').next().unwrap_or_default();
    let like_a_number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if !is_name || (like_a_number && host.parse::<std::net::Ipv4Addr>().is_err()) {
        return None;
    }
    Some((host, port))
}

fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A caller's token for a FHIR server. It can't be printed.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// A token of visible letters, as RFC 6750 has them.
    pub(crate) fn new(text: &str) -> Option<Token> {
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        (!text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(plain))
            .then(|| Token(text.to_owned()))
    }

    /// The value of the Authorization header.
    pub(super) fn header(&self) -> Option<hyper::header::HeaderValue> {
        let mut value = hyper::header::HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹token›")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(addresses: &[&str]) -> FhirServers {
        let addresses: Vec<String> = addresses.iter().map(|a| (*a).to_owned()).collect();
        let parsed: Vec<Base> = addresses.iter().map(|address| Base::parse(address).unwrap()).collect();
        FhirServers {
            servers: parsed.into(),
            roots: Roots::none(),
            rule: AddressRule::Public,
            limits: FetchLimits::default(),
            turns: Arc::new(Semaphore::new(1)),
        }
    }

    #[test]
    fn only_what_was_named_is_found() {
        let named =
            servers(&["https://ehr.example/fhir", "http://127.0.0.1:8090/r4", "https://[2001:db8::1]:8443"]);
        for address in [
            "https://ehr.example/fhir",
            "https://ehr.example/fhir/",
            "https://EHR.example:443/fhir",
            "https://ehr.example/fhir/tenant-1/r4",
            "http://127.0.0.1:8090/r4",
            "https://[2001:DB8:0::1]:8443/any",
        ] {
            assert!(named.find(address).is_some(), "{address}");
        }
        for address in [
            "",
            "ehr.example/fhir",
            "http://ehr.example/fhir",
            "https://ehr.example",
            "https://ehr.example/",
            "https://ehr.example/fhirx",
            "https://ehr.example/FHIR",
            "https://ehr.example:8443/fhir",
            "https://ehr.example.evil.example/fhir",
            "https://evil.example/https://ehr.example/fhir",
            "https://ehr.example@evil.example/fhir",
            "https://evil.example#https://ehr.example/fhir",
            "https://evil.example?https://ehr.example/fhir",
            "https://evil.example\\ehr.example/fhir",
            "https://ehr.example/fhir/../admin",
            "https://ehr.example/fhir/..",
            "https://ehr.example/fhir/./x",
            "https://ehr.example/fhir/%2e%2e/admin",
            "https://ehr.example/fhir//x",
            "https://ehr.example/fhir?x=1",
            "https://ehr.example/fhir#x",
            "https://ehr.example/fhir/a b",
            "https://ehr.example/fhir\r\nx: y",
            "https://ehr.example:0443x/fhir",
            "https://ehr.example:0/fhir",
            "https://ehr.example:443:443/fhir",
            "https:///fhir",
            "https://127.0.0.1/fhir",
            "https://2130706433/fhir",
            "https://0x7f000001/fhir",
            "https://127.1/fhir",
            "https://ehr.example./fhir",
            "https://ehr。example/fhir",
            "file:///etc/passwd",
            "gopher://ehr.example/fhir",
            "HTTPS://ehr.example/fhir",
            "http://127.0.0.1:8090/r5",
            "http://127.0.0.2:8090/r4",
            "http://localhost:8090/r4",
            "http://[::1]:8090/r4",
            "https://[2001:db8::1%25eth0]:8443/",
        ] {
            assert!(named.find(address).is_none(), "{address}");
        }
        assert!(named.find(&format!("https://ehr.example/fhir/{}", "x".repeat(MAX_ADDRESS_BYTES))).is_none());
    }

    #[test]
    fn http_is_for_this_machine_alone() {
        for (address, fine) in [
            ("http://localhost:8090/r4", true),
            ("http://127.0.0.1:8090", true),
            ("http://[::1]:8090/fhir", true),
            ("http://10.0.0.7/fhir", false),
            ("http://ehr.example/fhir", false),
            ("http://localhost.evil.example/fhir", false),
        ] {
            assert_eq!(Base::parse(address).is_some(), fine, "{address}");
        }
    }

    #[test]
    fn a_next_page_is_of_the_server_that_was_asked() {
        let base = Base::parse("https://ehr.example/fhir").unwrap();
        assert_eq!(
            base.within("https://ehr.example/fhir?_page=2&x=%2F").as_deref(),
            Some("/fhir?_page=2&x=%2F")
        );
        assert_eq!(
            base.within("https://ehr.example/fhir/Condition?p=2").as_deref(),
            Some("/fhir/Condition?p=2")
        );
        for link in [
            "https://evil.example/fhir?_page=2",
            "http://ehr.example/fhir?_page=2",
            "https://ehr.example/other?_page=2",
            "https://ehr.example:444/fhir?_page=2",
            "/fhir?_page=2",
            "//evil.example/fhir",
            "https://ehr.example/fhir/../x?_page=2",
            "https://ehr.example/fhir?a\r\nb: c",
            "https://ehr.example/fhir?a b",
        ] {
            assert_eq!(base.within(link), None, "{link}");
        }
    }

    #[test]
    fn a_token_is_one_word_and_is_never_printed() {
        let token = Token::new("ey.J0-~+/=").unwrap();
        assert_eq!(format!("{token:?}"), "‹token›");
        assert!(token.header().unwrap().is_sensitive());
        for text in ["", "a b", "a\r\nx: y", "ü", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(Token::new(text).is_none());
        }
    }
}
