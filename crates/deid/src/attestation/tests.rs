use super::*;
use crate::{Policy, Tally};

fn attestation(key: u8) -> Attestation {
    let key = Key::from_bytes([key; 32]);
    let mut tally = Tally::default();
    tally.drop_event(&"Patient.name".into(), "field not allowed");
    let files = Files { count: 3, manifest_blake3: "ab".into(), merkle_root: "cd".into() };
    let policy = Policy::named("safe-harbor").unwrap();
    let statement = Statement::new("0.1.0", &policy, &key, &tally, Quarantined::default(), files);
    Attestation::sign(statement, &key).unwrap()
}

#[test]
fn it_is_read_back_as_written() {
    let written = attestation(1);
    let read = Attestation::read(&written.to_bytes().unwrap(), None).unwrap();
    assert_eq!(read, written);
    assert_eq!(read.statement.darts.unwrap().operation, "$de-identify");
    assert_eq!(read.public_key, PublicKey::of(&Key::from_bytes([1; 32])));
}

#[test]
fn any_bit_of_any_byte_that_is_changed_is_found() {
    let bytes = attestation(1).to_bytes().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(Attestation::read(&changed, None).is_err(), "byte {at}, bit {bit}");
        }
    }
    assert!(Attestation::read(&bytes[..bytes.len() - 1], None).is_err());
    assert!(Attestation::read(&[&bytes[..], b"\n"].concat(), None).is_err());
}

#[test]
fn only_a_trusted_key_tells_a_data_set_made_anew() {
    let site = PublicKey::of(&Key::from_bytes([1; 32]));
    let forged = attestation(2).to_bytes().unwrap();
    assert!(Attestation::read(&forged, None).is_ok());
    let refusal = Attestation::read(&forged, Some(&site)).unwrap_err();
    assert!(refusal.to_string().contains(&site.to_string()));
    assert!(Attestation::read(&attestation(1).to_bytes().unwrap(), Some(&site)).is_ok());
}

#[test]
fn a_public_key_is_hexadecimal() {
    let key = PublicKey::of(&Key::from_bytes([1; 32]));
    assert_eq!(format!(" {key}\n").parse::<PublicKey>().unwrap(), key);
    assert!("abc".parse::<PublicKey>().is_err());
    assert!(key.to_string().to_uppercase().parse::<PublicKey>().is_err());
}
