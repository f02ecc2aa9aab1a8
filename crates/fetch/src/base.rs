//! A server's address, read strictly.

use std::net::IpAddr;

/// The longest address that is looked at.
const MAX_ADDRESS_BYTES: usize = 2048;

/// A server's base address, in parts that were each checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub(crate) secure: bool,
    /// In lower case, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Empty, or `/` and segments, without a slash at the end.
    pub(crate) path: String,
}

impl Base {
    /// Reads an address. What isn't plainly one is none: nothing is decoded, nothing normalised but the host's case.
    pub fn parse(address: &str) -> Option<Base> {
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
    pub fn holds(&self, other: &Base) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
            && other
                .path
                .strip_prefix(&self.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path and query of a `next` link, if it leads to this very server.
    pub fn within(&self, link: &str) -> Option<String> {
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

    /// With TLS?
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The path: empty, or `/` and segments, without a slash at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same server without a path.
    pub(crate) fn origin(&self) -> Base {
        Base { path: String::new(), ..self.clone() }
    }

    /// The value of the Host header.
    pub fn authority(&self) -> String {
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
    pub(crate) fn literal(&self) -> Option<IpAddr> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
