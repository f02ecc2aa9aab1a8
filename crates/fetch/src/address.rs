//! Which addresses a name may stand for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a server's name may stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressRule {
    /// Public addresses alone.
    #[default]
    Public,
    /// Those of private networks too (RFC 1918, RFC 6598, fc00::/7).
    PrivateToo,
}

impl AddressRule {
    /// May a connection be opened to this address, for a server that was named by `literal` address or by name?
    pub(crate) fn allows(self, address: IpAddr, literal: Option<IpAddr>) -> bool {
        // An operator who wrote the very address means it; that a caller can't is the allow-list's to see.
        if literal == Some(address) {
            return !is_nobody(address) && !is_link_local(address);
        }
        match address {
            address if is_nobody(address) || is_link_local(address) || is_loopback(address) => false,
            address if is_private(address) => self == AddressRule::PrivateToo,
            _ => true,
        }
    }
}

/// The IPv4 address that an IPv6 address carries: mapped, compatible, or translated (6to4, NAT64).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(of(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(of(high, low)),
        [0x64, 0xff9b, .., high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// Judges the address and any other that it carries within.
fn any(address: IpAddr, v4: impl Fn(Ipv4Addr) -> bool, v6: impl Fn(Ipv6Addr) -> bool) -> bool {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address) || carried(address).is_some_and(v4),
    }
}

fn is_loopback(address: IpAddr) -> bool {
    any(address, |v4| v4.is_loopback(), |v6| v6.is_loopback())
}

/// Where clouds answer with credentials (169.254.169.254, fd00:ec2::254 is private).
fn is_link_local(address: IpAddr) -> bool {
    any(address, |v4| v4.is_link_local(), |v6| v6.segments()[0] & 0xffc0 == 0xfe80)
}

fn is_nobody(address: IpAddr) -> bool {
    let v4 = |v4: Ipv4Addr| {
        let first = v4.octets()[0];
        first == 0 || first >= 224
    };
    any(address, v4, |v6| v6.is_unspecified() || v6.is_multicast())
}

fn is_private(address: IpAddr) -> bool {
    let v4 = |v4: Ipv4Addr| {
        let [a, b, ..] = v4.octets();
        // Carriers' shared addresses and those for benchmarks are nobody's public ones either.
        v4.is_private() || (a == 100 && b & 0xc0 == 64) || (a == 198 && b & 0xfe == 18)
    };
    any(address, v4, |v6| v6.segments()[0] & 0xfe00 == 0xfc00)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_not_mean_a_machine_within() {
        let allowed = |rule: AddressRule, address: &str| rule.allows(address.parse().unwrap(), None);
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert!(
                !allowed(AddressRule::Public, address) && !allowed(AddressRule::PrivateToo, address),
                "{address}"
            );
        }
        for address in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
        ] {
            assert!(
                !allowed(AddressRule::Public, address) && allowed(AddressRule::PrivateToo, address),
                "{address}"
            );
        }
        for address in ["8.8.8.8", "172.32.0.1", "2606:4700::1"] {
            assert!(allowed(AddressRule::Public, address), "{address}");
        }
    }

    #[test]
    fn an_address_that_the_operator_wrote_is_meant() {
        let literal = |address: &str| {
            let address = address.parse().unwrap();
            AddressRule::Public.allows(address, Some(address))
        };
        assert!(literal("127.0.0.1") && literal("::1") && literal("10.0.0.7"));
        assert!(!literal("169.254.169.254") && !literal("0.0.0.0"));
        assert!(!AddressRule::Public.allows("127.0.0.1".parse().unwrap(), Some("8.8.8.8".parse().unwrap())));
    }
}
