use super::layout::{HEADER, Header, Section};
use super::*;
use crate::{Sequence, ShardError, TokenizedSubject};
use proptest::prelude::*;

fn subject(id: i64, tokens: usize) -> TokenizedSubject {
    let mut subject = TokenizedSubject { subject_id: id, static_len: tokens.min(1), ..Default::default() };
    for i in 0..tokens {
        let time = i % 3 == 2;
        subject.code.push(if time { 0 } else { 4 + (i % 5) as u32 });
        subject.age_days.push((i / 3) as f64);
        subject.value.push(if time { 1.0 } else { f32::NAN });
    }
    subject.followup_end_age_days = tokens as f64;
    subject.died = id % 2 == 0;
    subject.birth_known = id % 3 == 0;
    subject
}

fn bytes_of(subjects: &[TokenizedSubject]) -> Vec<u8> {
    let mut buffer = ShardBuffer::default();
    subjects.iter().for_each(|subject| buffer.push(&subject.as_sequence()).unwrap());
    let mut bytes = Vec::new();
    buffer.write_to(&mut bytes, 9, [7; 32]).unwrap();
    bytes
}

fn assert_same(a: &Sequence<'_>, b: &Sequence<'_>) {
    assert_eq!(
        (a.subject_id, a.static_len, a.died, a.birth_known),
        (b.subject_id, b.static_len, b.died, b.birth_known)
    );
    assert_eq!((a.code, a.age_days, a.followup_end_age_days), (b.code, b.age_days, b.followup_end_age_days));
    assert!(a.value.iter().zip(b.value).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn subjects_come_back_as_they_went_in() {
    for sizes in [vec![], vec![0], vec![1], vec![5, 0, 70, 3]] {
        let subjects: Vec<_> = sizes.iter().enumerate().map(|(id, &n)| subject(id as i64, n)).collect();
        let bytes = bytes_of(&subjects);
        assert_eq!(bytes, bytes_of(&subjects), "the same subjects make the same bytes");
        let shard = Shard::from_bytes(&bytes).unwrap();
        shard.verify().unwrap();
        assert_eq!(shard.len(), subjects.len());
        for (i, subject) in subjects.iter().enumerate() {
            assert_same(&shard.sequence(i), &subject.as_sequence());
        }
    }
}

/// Changes bytes of the content and signs the header anew, as someone who means harm would.
fn forged(bytes: &[u8], section: Section, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (mut header, _) = Header::parse(&bytes[..HEADER], bytes.len() as u64).unwrap();
    let place = &mut header.sections[section as usize];
    let (start, end) = (place.offset as usize, (place.offset + place.length) as usize);
    bytes[start + at..start + at + with.len()].copy_from_slice(with);
    place.digest = *blake3::hash(&bytes[start..end]).as_bytes();
    bytes[..HEADER].copy_from_slice(&header.to_bytes());
    bytes
}

#[test]
fn content_that_would_lead_out_of_bounds_is_refused_when_opened() {
    let bytes = bytes_of(&[subject(1, 10), subject(2, 20)]);
    let cases: [(Section, usize, &[u8]); 5] = [
        (Section::Code, 4, &9u32.to_le_bytes()),
        (Section::FirstToken, 8, &31u64.to_le_bytes()),
        (Section::FirstToken, 0, &1u64.to_le_bytes()),
        (Section::FirstToken, 16, &29u64.to_le_bytes()),
        (Section::StaticLen, 0, &11u32.to_le_bytes()),
    ];
    for (section, at, with) in cases {
        let error = Shard::from_bytes(&forged(&bytes, section, at, with)).unwrap_err();
        assert!(matches!(error, ShardError::Content { .. }), "{error}");
    }
}

#[test]
fn content_that_would_mislead_a_model_is_refused_when_verified() {
    let bytes = bytes_of(&[subject(1, 10), subject(2, 20)]);
    let cases: [(Section, usize, &[u8]); 5] = [
        (Section::AgeDays, 8, &f64::NAN.to_le_bytes()),
        (Section::AgeDays, 8, &1e6f64.to_le_bytes()),
        (Section::Value, 8, &(-1f32).to_le_bytes()),
        (Section::Value, 0, &1.5f32.to_le_bytes()),
        (Section::FollowupEndAgeDays, 0, &0f64.to_le_bytes()),
    ];
    for (section, at, with) in cases {
        let shard = Shard::from_bytes(&forged(&bytes, section, at, with)).unwrap();
        assert!(matches!(shard.verify(), Err(ShardError::Content { .. })), "{section:?}");
    }
}

#[test]
fn places_outside_the_file_are_refused() {
    let bytes = bytes_of(&[subject(1, 10)]);
    let (header, _) = Header::parse(&bytes[..HEADER], bytes.len() as u64).unwrap();
    let mut forgeries = Vec::new();
    for section in 0..8 {
        for offset in [0, 1, u64::MAX, (bytes.len() as u64).next_multiple_of(64)] {
            let mut forgery = header.clone();
            forgery.sections[section].offset = offset;
            forgeries.push(forgery);
        }
        let mut forgery = header.clone();
        forgery.sections[section].length = u64::MAX;
        forgeries.push(forgery);
    }
    forgeries.push(Header { tokens: u64::MAX / 4 + 1, ..header.clone() });
    forgeries.push(Header { subjects: u64::MAX, ..header });
    for forgery in forgeries {
        let mut bytes = bytes.clone();
        bytes[..HEADER].copy_from_slice(&forgery.to_bytes());
        let error = Shard::from_bytes(&bytes).unwrap_err();
        assert!(matches!(error, ShardError::Section { .. }), "{error}");
    }
}

#[test]
fn every_cut_and_every_changed_byte_is_found() {
    let bytes = bytes_of(&[subject(1, 10), subject(2, 7)]);
    for length in 0..bytes.len() {
        assert!(Shard::from_bytes(&bytes[..length]).is_err(), "cut at {length}");
    }
    let padding = {
        let (header, _) = Header::parse(&bytes[..HEADER], bytes.len() as u64).unwrap();
        move |at: usize| {
            at >= HEADER
                && !header.sections.iter().any(|p| (p.offset..p.offset + p.length).contains(&(at as u64)))
        }
    };
    for at in (0..bytes.len()).filter(|&at| !padding(at)) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x40;
        let found = Shard::from_bytes(&altered).and_then(|shard| shard.verify());
        assert!(found.is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        fuzz_shard(&bytes);
    }

    #[test]
    fn no_forgery_panics(section in 0usize..8, at in 0usize..80, with in any::<u8>()) {
        let bytes = bytes_of(&[subject(1, 10), subject(2, 20)]);
        let section = Section::ALL[section];
        let length = section.length(2, 30).unwrap() as usize;
        fuzz_shard(&forged(&bytes, section, at % length, &[with]));
    }
}
