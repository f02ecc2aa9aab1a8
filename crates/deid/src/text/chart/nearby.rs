//! What stands around a word, where that decides whether it is a name.

use super::person::introduces;
use crate::text::fold::folded;
use rustc_hash::FxHashSet;
use std::ops::Range;

/// A word that is one of the chart's names.
pub(super) struct Word {
    pub start: usize,
    pub end: usize,
    /// Is it also an ordinary word?
    pub is_ordinary: bool,
}

/// After these a name is a disease's or a device's.
const EPONYMS: &[&str] = &[
    "disease",
    "syndrome",
    "sign",
    "signs",
    "catheter",
    "palsy",
    "score",
    "scale",
    "test",
    "reflex",
    "fracture",
    "lymphoma",
    "sarcoma",
    "tumor",
    "tumour",
    "phenomenon",
    "maneuver",
    "manoeuvre",
    "criteria",
    "classification",
    "esophagus",
    "oesophagus",
    "thyroiditis",
    "chorea",
    "contracture",
    "ulcer",
    "cyst",
    "hernia",
    "triad",
    "stain",
    "smear",
    "tube",
    "drain",
    "line",
    "procedure",
    "operation",
    "index",
    "law",
    "duct",
    "tract",
    "fever",
    "anemia",
    "anaemia",
    "dystrophy",
    "neuroma",
    "nodule",
    "node",
    "nodes",
    "body",
    "bodies",
    "splint",
    "collar",
    "needle",
];

/// Does a word that is one of the chart's names stand as a name here?
pub(super) fn context(text: &str, word: &Word, has_neighbour: bool) -> bool {
    if has_neighbour {
        return true;
    }
    let written = &text[word.start..word.end];
    let (before, gap_before) = word_before(text, word.start);
    if introduces(&folded(before)) && gap_before.trim().chars().all(|c| matches!(c, '.' | ':' | ',')) {
        return true;
    }
    // `J. Long`
    let initial =
        before.chars().count() == 1 && before.chars().all(char::is_alphabetic) && gap_before.starts_with('.');
    if initial
        && gap_before.trim() == "."
        && written.starts_with(char::is_uppercase) == before.starts_with(char::is_uppercase)
    {
        return true;
    }
    // A field of HL7: FAMILY^GIVEN^M.
    if gap_before.ends_with('^') || text[word.end..].starts_with('^') {
        return true;
    }
    if is_eponym(text, word.end) {
        return false;
    }
    if !word.is_ordinary {
        return true;
    }
    let mut letters = written.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let shouted = capital && letters.all(|c| !c.is_lowercase());
    capital && !shouted && (!begins_sentence(before, gap_before) || acts(&text[word.end..]))
}

/// Does what follows say that a person stood before: a possessive, a line's end, what people do?
fn acts(after: &str) -> bool {
    if after.starts_with("'s ")
        || after.starts_with("’s ")
        || after.trim_start_matches([' ', ',', '.']).starts_with('\n')
    {
        return true;
    }
    let Some(next) = after.strip_prefix(' ') else { return after.is_empty() };
    let end = next.find(|c: char| !c.is_alphabetic()).unwrap_or(next.len());
    VERBS.contains(&&next[..end])
}

/// What people do in notes.
const VERBS: &[&str] = &[
    "is",
    "was",
    "has",
    "had",
    "says",
    "said",
    "states",
    "stated",
    "reports",
    "reported",
    "denies",
    "denied",
    "asks",
    "asked",
    "called",
    "calls",
    "feels",
    "felt",
    "presents",
    "presented",
    "came",
    "comes",
    "lives",
    "lived",
    "works",
    "worked",
    "agrees",
    "agreed",
    "declines",
    "declined",
    "wants",
    "wanted",
    "thinks",
    "takes",
    "took",
    "tolerated",
    "complains",
    "complained",
    "wishes",
    "understands",
    "understood",
    "does",
    "did",
    "remains",
    "remained",
    "slept",
    "ate",
    "walked",
    "walks",
    "told",
    "tells",
    "needs",
    "needed",
    "requests",
    "requested",
    "attended",
    "signed",
];

/// Dotted, in lower case without dots: what is no one's initials.
pub(super) const ABBREVIATIONS: &[&str] = &[
    "po", "bid", "tid", "qid", "qd", "qod", "qhs", "prn", "iv", "im", "sc", "sq", "hs", "ac", "pc", "am",
    "pm", "eg", "ie", "npo", "cc", "od", "os", "ou", "md", "do", "rn", "np", "pa", "us", "usa", "uk", "dc",
    "phd", "st", "er", "ed", "ct", "mri", "ot", "pt", "va", "nb", "ps", "vs", "ad", "bc",
];

/// Do two words stand as parts of one name: apart by a space, a comma, an initial? A word like `will` in lower
/// case is no part of one whose other part has a capital.
pub(super) fn adjoin(text: &str, first: &Word, second: &Word) -> bool {
    let is_lower = |word: &Word| text[word.start..].chars().next().is_some_and(char::is_lowercase);
    let differ = is_lower(first) != is_lower(second);
    if differ && [first, second].iter().any(|word| word.is_ordinary && is_lower(word)) {
        return false;
    }
    let Some(between) = text.get(first.end..second.start).filter(|between| between.len() <= 8) else {
        return false;
    };
    let mut letters = 0;
    for character in between.chars() {
        match character {
            ' ' | '.' | ',' | '-' | '\'' | '’' | '_' | '"' | '(' | ')' | '‐' | '\n' | '^' => {}
            letter if letter.is_alphabetic() => letters += 1,
            _ => return false,
        }
    }
    // A full stop ends a sentence unless an initial stands before it.
    letters == 1 || (letters == 0 && !between.contains(". ") && !between.contains(".\n"))
}

/// A name's span with the initials beside it: `J. Rey`, `Rey, J.`, `Ana M.`.
pub(super) fn with_initials(text: &str, mut start: usize, mut end: usize) -> (usize, usize) {
    let before = &text[..start];
    let trimmed = before.trim_end_matches(' ');
    if before.len() - trimmed.len() <= 1 {
        let undotted = trimmed.strip_suffix('.').unwrap_or(trimmed);
        let mut letters = undotted.chars().rev();
        if let (Some(initial), previous) = (letters.next(), letters.next())
            // In a note without capitals initials have none either.
            && (initial.is_uppercase() || (initial.is_alphabetic() && text[start..].starts_with(char::is_lowercase)))
            && previous.is_none_or(|p| !p.is_alphanumeric() && p != '\'')
            && (undotted.len() < trimmed.len())
        {
            start = undotted.len() - initial.len_utf8();
        }
    }
    let after = &text[end..];
    if let Some(initial) = after.strip_prefix('^') {
        let mut letters = initial.chars();
        if let (Some(initial), next) = (letters.next(), letters.next())
            && initial.is_uppercase()
            && next.is_none_or(|next| !next.is_alphanumeric())
        {
            end += 1 + initial.len_utf8();
        }
        return (start, end);
    }
    let trimmed = after.strip_prefix(',').unwrap_or(after).trim_start_matches(' ');
    let skipped = after.len() - trimmed.len();
    let mut letters = trimmed.chars();
    if skipped <= 2
        && skipped > 0
        && let (Some(initial), next) = (letters.next(), letters.next())
        && initial.is_uppercase()
    {
        if next == Some('.') {
            end += skipped + initial.len_utf8() + 1;
        } else if next.is_none_or(|next| !next.is_alphanumeric() && next != '\'')
            && !matches!(initial, 'A' | 'I')
        {
            // `Rey, Ana M`
            end += skipped + initial.len_utf8();
        }
    }
    (start, end)
}

/// Two to four capitals that may be someone's initials.
pub(super) struct Initials<'t> {
    /// The capitals alone.
    pub letters: &'t str,
    /// Their bytes in the text, dots included.
    pub range: Range<usize>,
    /// Does a dot stand after all but the last?
    pub is_dotted: bool,
    /// Does a word that introduces a name stand before?
    pub is_introduced: bool,
    /// Is there nothing else in the line, as of a signature?
    pub is_alone: bool,
}

/// Shows every run of two to four single capitals that is one of `known`, in lower case, zeros after it.
pub(super) fn initials(text: &str, known: &FxHashSet<[u8; 4]>, show: &mut dyn FnMut(Initials<'_>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // Small letters only dotted: `t.o.`.
        let capital = bytes[at].is_ascii_uppercase();
        let small = bytes[at].is_ascii_lowercase() && bytes.get(at + 1) == Some(&b'.');
        let is_letter: fn(&u8) -> bool =
            if capital { u8::is_ascii_uppercase } else { u8::is_ascii_lowercase };
        let starts = (capital || small) && (at == 0 || !is_word(bytes[at - 1]));
        if !starts {
            at += 1;
            continue;
        }
        let (mut letters, mut end, mut dots, mut here) = ([0u8; 4], at, 0, at);
        let mut count = 0;
        while count < 4 && bytes.get(here).is_some_and(is_letter) {
            letters[count] = bytes[here];
            count += 1;
            here += 1;
            end = here;
            if bytes.get(here) == Some(&b'.') {
                dots += 1;
                here += 1;
                end = here;
                if bytes.get(here) == Some(&b' ') && bytes.get(here + 2) == Some(&b'.') {
                    here += 1;
                }
            }
        }
        let stops = bytes.get(here).is_none_or(|&next| !is_word(next));
        let dotted = dots + 1 >= count && dots > 0;
        let shaped = stops && (2..=4).contains(&count) && (dotted || (dots == 0 && capital));
        if shaped && known.contains(&letters.map(|letter| letter.to_ascii_lowercase())) {
            let (before, gap) = word_before(text, at);
            let is_introduced =
                introduces(&folded(before)) && gap.trim().chars().all(|c| matches!(c, '.' | ':'));
            if let Ok(letters) = std::str::from_utf8(&letters[..count]) {
                let is_alone = text[..at]
                    .rsplit('\n')
                    .next()
                    .is_some_and(|line| line.trim_matches([' ', '-', '/']).is_empty())
                    && text[end..].split('\n').next().is_some_and(|line| line.trim().is_empty());
                show(Initials { letters, range: at..end, is_dotted: dots > 0, is_introduced, is_alone });
            }
        }
        at = here.max(at + 1);
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// The word before a place, and what stands between; no further than a few bytes back.
fn word_before(text: &str, start: usize) -> (&str, &str) {
    const FAR: usize = 40;
    let mut from = start.saturating_sub(FAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let window = &text[from..start];
    let word_end = window.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
    let word_start = window[..word_end]
        .rfind(|c: char| !c.is_alphanumeric())
        .map_or(0, |at| at + window[at..].chars().next().map_or(1, char::len_utf8));
    (&window[word_start..word_end], &window[word_end..])
}

fn begins_sentence(before: &str, gap: &str) -> bool {
    before.is_empty() || gap.contains(['.', '!', '?', '\n', ':', ';', '•', '*', '|', '-', '/'])
}

fn is_eponym(text: &str, end: usize) -> bool {
    let after = text[end..].trim_start_matches(['\'', '’']);
    let after = after.strip_prefix("s ").unwrap_or(after).trim_start_matches([' ', '-']);
    let word_end = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
    EPONYMS.contains(&folded(&after[..word_end]).as_str())
}
