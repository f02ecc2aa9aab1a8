//! Years that stand alone (`since 2015`). They identify nobody, but beside dates that were moved they would tell by
//! about how much: so they are moved too.

use crate::text::{Identifier, Span};

/// Before a year.
const BEFORE: &[&str] = &[
    "in", "since", "of", "from", "during", "until", "till", "by", "before", "after", "around", "circa",
    "about", "year", "early", "mid", "late", "and", "to", "through", "between", "spring", "summer", "fall",
    "autumn", "winter", "dated",
];

/// Adds the years of `text` that a word before them, or brackets around them, shows to be years.
pub(crate) fn find(text: &str, spans: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'1', b'2', bytes.get(at..).unwrap_or_default()) {
        let start = at + found;
        at = start + 1;
        let end = start + 4;
        let is_year = matches!(bytes.get(start..end), Some([b'1', b'9', a, b] | [b'2', b'0', a, b])
            if a.is_ascii_digit() && b.is_ascii_digit());
        let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        if !is_year || (start > 0 && word(bytes.get(start - 1))) || word(bytes.get(end)) {
            continue;
        }
        at = end;
        // 2000.5, 2000/10, 2000-mg and the like are no years; `2015.` and `2015)` are.
        let goes_on = matches!((bytes.get(end), bytes.get(end + 1)), (Some(b'.' | b',' | b'/' | b'-' | b':'), after) if word(after));
        if !goes_on && is_introduced(&text[..start]) {
            spans.push(Span::new(start..end, Identifier::Date));
        }
    }
}

fn is_introduced(before: &str) -> bool {
    let trimmed = before.trim_end_matches(' ');
    if trimmed.ends_with('(') {
        return true;
    }
    let trimmed = trimmed.trim_end_matches(['-', '\'']);
    let start = trimmed.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
    let word = trimmed.get(start..).unwrap_or_default();
    BEFORE.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_told_from_numbers() {
        for (text, want) in [
            ("since 2015, and in 2019.", &["2015", "2019"][..]),
            ("MI (2012) and mid-2013", &["2012", "2013"]),
            ("aspirin 2000 mg, 1950 mL, in 2000/5", &[]),
            ("of 20190 cells, né1999, in 1850", &[]),
        ] {
            let mut spans = Vec::new();
            find(text, &mut spans);
            assert_eq!(spans.iter().map(|s| &text[s.range()]).collect::<Vec<_>>(), want, "{text}");
        }
    }
}
