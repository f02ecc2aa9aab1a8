//! Mail, web and machine addresses.

use crate::text::page::Page;
use crate::text::token::Kind;
use crate::text::words::{Words, words};
use crate::text::{Identifier, Span};
use std::ops::Range;

/// Endings of bare domains. Words of English ("in", "is", "me") are left out.
const ENDINGS: Words = Words::of(&[
    "com", "org", "net", "edu", "gov", "mil", "info", "biz", "io", "health", "care", "app", "dev", "clinic",
    "online", "site", "co", "uk", "de", "fr", "ca", "au", "nl", "se", "dk", "fi", "ch", "eu", "es", "pl",
    "cz", "hu", "br", "jp", "cn", "ru", "ie", "nz", "pt", "gr", "ro", "tv", "nhs", "cy",
]);
/// How far an address is read, so that work stays linear.
const LONGEST: usize = 256;

/// An e-mail address around an at sign, which is token `index`.
pub fn email(page: &Page, index: usize) -> Option<Range<usize>> {
    let bytes = page.text().as_bytes();
    let at = page.tokens()[index].start as usize;
    let spaced = |byte: Option<&u8>| byte == Some(&b' ');
    // `jo.lark @ example.org`
    let local_end = at - usize::from(at > 0 && spaced(bytes.get(at - 1)));
    let mut start = local_end;
    while start > 0 && at - start < LONGEST && is_local(bytes[start - 1]) {
        start -= 1;
    }
    while start < at && (matches!(bytes[start], b'.' | b'\'' | b'-') || !page.text().is_char_boundary(start))
    {
        start += 1;
    }
    let end = domain(page.text(), at + 1 + usize::from(spaced(bytes.get(at + 1))))?;
    (start < local_end).then_some(start..end)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

/// Where a domain with a dot and an alphabetic end, begun at `start`, ends.
fn domain(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = start;
    while end < bytes.len()
        && end - start < LONGEST
        && (bytes[end].is_ascii_alphanumeric() || bytes[end] >= 0x80 || matches!(bytes[end], b'.' | b'-'))
    {
        end += 1;
    }
    while end > start && (matches!(bytes[end - 1], b'.' | b'-') || !text.is_char_boundary(end)) {
        end -= 1;
    }
    let dot = text.get(start..end)?.rfind('.')?;
    let last = &bytes[start + dot + 1..end];
    (dot > 0 && last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic)).then_some(end)
}

/// A web address that begins with the word at `index`: with a scheme, `www.`, or a domain whose end is well known.
pub fn url(page: &Page, index: usize) -> Option<Range<usize>> {
    let start = page.tokens()[index].start as usize;
    let rest = &page.text()[start..];
    let bytes = rest.as_bytes();
    let schemed = page.says(index, words!["http", "https", "ftp", "sftp", "ftps", "file"])
        && page.sign(index + 1, b':')
        && page.sign(index + 2, b'/')
        && page.sign(index + 3, b'/');
    let begins =
        schemed || page.says(index, words!["www"]) && page.sign(index + 1, b'.') && page.joined(index + 2);
    let end = if begins { 0 } else { bare(page, index)? - start };
    let path = begins || matches!(bytes.get(end), Some(b'/' | b':' | b'?'));
    let mut stop = end;
    if path {
        while stop < bytes.len()
            && stop < 2048
            && !bytes[stop].is_ascii_whitespace()
            && !matches!(bytes[stop], b'"' | b'<' | b'>' | b'|' | b'\\' | b'{' | b'}')
        {
            stop += 1;
        }
        while stop > 0
            && matches!(bytes[stop - 1], b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b'\'' | b']')
            || !rest.is_char_boundary(stop)
        {
            stop -= 1;
        }
    }
    (stop.max(end) > 4).then_some(start..start + stop.max(end))
}

/// Where a bare domain that begins at token `index` ends.
fn bare(page: &Page, index: usize) -> Option<usize> {
    if page.joined(index) && !page.sign(index - 1, b'(') && !page.sign(index - 1, b':') {
        return None;
    }
    let (mut at, mut last) = (index, None);
    while page.joined(at + 1) && (page.sign(at + 1, b'.') || page.sign(at + 1, b'-')) && page.joined(at + 2) {
        let dot = page.sign(at + 1, b'.');
        at += 2;
        if at - index > 32 || !page.at(at)?.is_word() && page.number(at).is_none() {
            break;
        }
        if dot && page.word(at).bytes().all(|byte| byte.is_ascii_lowercase()) && page.says(at, &ENDINGS) {
            last = Some(page.tokens()[at].end as usize);
        }
    }
    let first = page.word(index);
    last.filter(|_| first.len() > 1 && !first.eq_ignore_ascii_case("dr"))
}

/// Four numbers below 256, or a longer dotted number as DICOM's and HL7's identifiers are.
pub fn dotted(page: &Page, index: usize) -> Option<(Range<usize>, Identifier)> {
    if page.joined(index) && (page.sign(index - 1, b'.') || page.at(index - 1)?.is_word()) {
        return None;
    }
    let (mut end, mut parts, mut small) = (index + 1, 1, page.number(index)?.1 < 256);
    // A line may end behind a stop of a long one, or of one that is long behind the line's end. Where a full line was wrapped
    // no token stands for its end.
    let dotted = |at: usize| {
        page.number(at).is_some() && page.joined(at + 1) && page.sign(at + 1, b'.') && page.joined(at + 2)
    };
    let goes_on =
        |at: usize, parts: usize| parts > 3 || dotted(at) && dotted(at + 2) && (parts > 2 || dotted(at + 4));
    let next_line = |at: usize| {
        let token = page.at(at)?;
        if token.kind == Kind::Break {
            return Some(at + 1);
        }
        page.text()[page.tokens()[at - 1].end as usize..token.start as usize].contains('\n').then_some(at)
    };
    while page.joined(end) && page.sign(end, b'.') {
        let next = match next_line(end + 1) {
            Some(next) if goes_on(next, parts) => next,
            _ if page.joined(end + 1) => end + 1,
            _ => break,
        };
        let Some((_, value)) = page.number(next) else { break };
        small &= value < 256;
        parts += 1;
        end = next + 1;
    }
    let length = page.tokens()[end - 1].end - page.tokens()[index].start;
    match parts {
        4 if small && length >= 7 => Some((index..end, Identifier::IpAddress)),
        5.. if length >= 14 => Some((index..end, Identifier::UniqueIdentifier)),
        _ => None,
    }
}

/// A UUID anywhere in a chunk: after a label, in a path.
pub(super) fn uuid(bytes: &[u8]) -> Option<Range<usize>> {
    const LENGTH: usize = 36;
    (0..bytes.len().checked_sub(LENGTH - 1)?).find_map(|start| {
        let window = &bytes[start..start + LENGTH];
        let shaped = window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        shaped.then_some(start..start + LENGTH)
    })
}

/// Up to four hexadecimal digits before two colons: an address with groups left out may begin here.
pub(super) fn begins_address(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    (1..=4).contains(&digits)
        && bytes.get(digits) == Some(&b':')
        && bytes[digits + 1..].iter().take(5).any(|byte| *byte == b':')
}

/// An IPv6 address without its zone and the length of its prefix: `fe80::1%eth0`, `fe80::/64`.
fn address(text: &str) -> &str {
    text.split(['%', '/', ']']).next().unwrap_or_default()
}

/// UUIDs, IPv6 and hardware addresses: a whole chunk.
pub fn hexadecimal(text: &str, start: usize) -> Option<Span> {
    // What is shorter than a hardware address has colons between its groups.
    const HARDWARE: usize = 17;
    if text.len() < HARDWARE && text.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    let trimmed = text.trim_matches(['(', ')', '[', ']', '{', '}', ',', ';', '.', '"', '\'', '<', '>']);
    let start = start + text.find(trimmed).unwrap_or(0);
    let bytes = trimmed.as_bytes();
    let groups = |sign: u8| bytes.split(move |byte| *byte == sign);
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    if let Some(range) = uuid(bytes) {
        let at = start + range.start;
        return Some(Span::new(at..at + range.len(), Identifier::UniqueIdentifier));
    }
    let identifier =
        if bytes.len() == 36 && groups(b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12]) && groups(b'-').all(hex) {
            Identifier::UniqueIdentifier
        } else if bytes.len() == HARDWARE
            && [b':', b'-'].iter().any(|sign| groups(*sign).all(|part| part.len() == 2 && hex(part)))
        {
            Identifier::Device
        } else if bytes.iter().filter(|byte| **byte == b':').count() >= 2
            && (7..=45).contains(&bytes.len())
            && bytes.iter().any(|byte| byte.is_ascii_hexdigit())
            && address(trimmed).parse::<std::net::Ipv6Addr>().is_ok()
        {
            Identifier::IpAddress
        } else {
            return None;
        };
    Some(Span::new(start..start + trimmed.len(), identifier))
}
