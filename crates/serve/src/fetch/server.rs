//! Which FHIR servers may be asked, and whether an address is one of theirs.

use super::FetchLimits;
use crate::Error;
use fetch::{AddressRule, Base, Network, Roots};
use std::{fmt, sync::Arc};
use tokio::sync::Semaphore;

/// The FHIR servers that an operator has named.
#[derive(Clone)]
pub struct FhirServers {
    servers: Arc<[Base]>,
    pub(super) network: Network,
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
        let roots = match servers.iter().any(Base::is_secure) {
            true => Roots::from_pem(roots)
                .map_err(|no| Error::Setting { name: "the FHIR servers' certificates", reason: no.0 })?,
            false => Roots::none(),
        };
        Ok(FhirServers {
            servers: servers.into(),
            network: Network { roots, rule, connect: limits.connect },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(addresses: &[&str]) -> FhirServers {
        let addresses: Vec<String> = addresses.iter().map(|a| (*a).to_owned()).collect();
        let parsed: Vec<Base> = addresses.iter().map(|address| Base::parse(address).unwrap()).collect();
        FhirServers {
            servers: parsed.into(),
            network: Network {
                roots: Roots::none(),
                rule: AddressRule::Public,
                connect: FetchLimits::default().connect,
            },
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
        assert!(named.find(&format!("https://ehr.example/fhir/{}", "x".repeat(2048))).is_none());
    }
}
