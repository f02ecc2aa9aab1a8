//! Years that stand alone (`since 2015`). Most identify nobody; but beside dates that were moved they tell by about how much, one of a
//! birth tells an age, and one that lies further back than the oldest age tells an age past it.

use crate::text::lexicon::{Class, Lexicon};
use crate::text::{Identifier, Span};

/// Before a year.
const BEFORE: &[&str] = &[
    "in", "since", "of", "from", "during", "until", "till", "by", "before", "after", "around", "circa",
    "about", "year", "early", "mid", "late", "and", "to", "through", "between", "spring", "summer", "fall",
    "autumn", "winter", "dated",
];
/// Shortly before a year of birth.
const BORN: &[&str] = &["born", "birth", "dob", "yob", "birthdate", "birthday", "birthyear", "bday", "bd"];
/// Behind `birth`: what is measured then.
const AT_BIRTH: &[&str] = &["weight", "wt", "weighed", "weighing", "length", "bw", "control", "rate", "at"];
/// Before a number as large as a year: what is measured, given or passed.
const MEASURED: &[&str] = &[
    "wbc",
    "rbc",
    "anc",
    "plt",
    "plts",
    "platelets",
    "bnp",
    "probnp",
    "ferritin",
    "ck",
    "cpk",
    "alt",
    "ast",
    "ldh",
    "lipase",
    "amylase",
    "crp",
    "dimer",
    "cd4",
    "triglycerides",
    "trig",
    "tg",
    "tgs",
    "b12",
    "psa",
    "trop",
    "troponin",
    "tnt",
    "hcg",
    "bhcg",
    "ggt",
    "alp",
    "alk",
    "phos",
    "alkphos",
    "glucose",
    "output",
    "uop",
    "uo",
    "intake",
    "total",
    "net",
    "vol",
    "volume",
    "tv",
    "vt",
    "calories",
    "weight",
    "wt",
    "weighed",
    "count",
    "dose",
    "rate",
    "residual",
    "drained",
    "voided",
    "negative",
    "positive",
    "pos",
    "neg",
    "viral",
    "load",
    "afp",
    "ca125",
    "room",
    "bed",
    "ext",
    "extension",
    "box",
    "page",
    "version",
    "code",
];
/// Words of measures that stand for something else behind a year.
const NO_MEASURE: &[&str] = &["in", "pain", "strength", "c", "f", "k", "u", "m", "times"];
/// How many words back a birth is spoken of.
const NEAR: usize = 4;

/// Which years are taken.
pub(crate) struct Years<'a> {
    /// What is known of words.
    pub lexicon: &'a Lexicon,
    /// Whether those too that a word before them, or brackets around them, shows to be years.
    pub introduced: bool,
    /// Any before this one is taken.
    pub earliest: i32,
    /// Those in which the chart says that somebody was born are taken wherever they stand.
    pub births: &'a [i32],
}

impl Years<'_> {
    /// Adds the years of `text` to what was found in it.
    pub(crate) fn find(&self, text: &str, spans: &mut Vec<Span>) {
        let bytes = text.as_bytes();
        let found = spans.len();
        let mut at = 0;
        while let Some(next) = memchr::memchr2(b'1', b'2', bytes.get(at..).unwrap_or_default()) {
            let start = at + next;
            at = start + 1;
            let end = start + 4;
            let Some(year) = year_at(bytes, start) else { continue };
            at = end;
            let (before, behind) = (&text[..start], &text[end..]);
            let taken = !is_counted(behind, self.lexicon)
                && (self.births.contains(&year)
                    || is_of_a_birth(before)
                    || self.introduced && year >= 1900 && is_introduced(before)
                    || year < self.earliest
                        && (is_introduced(before)
                            || !is_measured(before, self.lexicon)
                                && !is_clock(before, behind, year, spans.get(..found).unwrap_or_default())));
            if taken {
                spans.push(Span::new(start..end, Identifier::Date));
            }
        }
    }
}

/// The year of four digits that begins at `start` and is part of no longer number or word.
fn year_at(bytes: &[u8], start: usize) -> Option<i32> {
    let digits = bytes.get(start..start + 4)?;
    if !matches!(digits, [b'1', b'8' | b'9', _, _] | [b'2', b'0', _, _])
        || !digits.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    let years = |at: usize| {
        let four = bytes.get(at..at + 4).is_some_and(|four| four.iter().all(u8::is_ascii_digit));
        four && !word(bytes.get(at + 4)) && matches!(bytes[at], b'1' | b'2')
    };
    let (end, before) = (start + 4, start.checked_sub(1));
    // 2000.5, 2000/10, 2000-mg and the like are no years; `2015.`, `2015)` and `1930-1935` are.
    let goes_on = match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'-'), after) => word(after) && !years(end + 1),
        (Some(b'.' | b',' | b'/' | b':'), after) => word(after),
        _ => false,
    };
    // Nor is what ends a number, a date or a time.
    let began = before.is_some_and(|at| match bytes[at] {
        b'-' => {
            at.checked_sub(1).is_some_and(|at| word(bytes.get(at)) && bytes[at].is_ascii_digit())
                && !at.checked_sub(4).is_some_and(years)
        }
        b'.' | b',' | b'/' | b':' => at.checked_sub(1).is_some_and(|at| bytes[at].is_ascii_digit()),
        b'$' | b'#' | b'=' | b'<' | b'>' | b'@' | b'+' | b'_' => true,
        byte => word(Some(&byte)),
    });
    if goes_on || began || word(bytes.get(end)) {
        return None;
    }
    Some(digits.iter().fold(0, |year, digit| year * 10 + i32::from(digit - b'0')))
}

/// Is it counted in something: `1930 mL`, `1930 %`?
fn is_counted(behind: &str, lexicon: &Lexicon) -> bool {
    let behind = behind.trim_start_matches([' ', '\t']);
    let word = behind.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    behind.starts_with(['%', '°', 'µ', 'μ', '/'])
        || is_any(word, &["h", "cm", "calorie", "calories", "meters", "patients", "people"])
        || lexicon.word(word).1.any(Class::MEASURE) && !is_any(word, NO_MEASURE)
}

/// Does what stands before say that a number was measured?
fn is_measured(before: &str, lexicon: &Lexicon) -> bool {
    let before = before.trim_end_matches([' ', '\t', ':', '~', '-', '(', '>', '<', '=']);
    let word = last_word(before);
    is_any(word, MEASURED)
        || lexicon.word(word).1.any(Class::MEASURE | Class::SCORE | Class::VITAL | Class::CODE_SYSTEM)
            && !is_any(word, BORN)
}

/// Is it a time of the evening: `at 1830`, behind a date, or where a line of a chart begins?
fn is_clock(before: &str, behind: &str, year: i32, spans: &[Span]) -> bool {
    if year % 100 > 59 {
        return false;
    }
    let bare = before.trim_end_matches([' ', '\t', ',']);
    let opens = bare.is_empty() || bare.ends_with(['\n', '\r']);
    is_any(last_word(bare), &["at", "time", "hours", "pm", "tonight", "evening", "today", "yesterday"])
        || opens && !behind.trim_start_matches([' ', '\t']).is_empty()
        || spans.iter().any(|span| span.identifier == Identifier::Date && span.end == bare.len())
}

/// Is a birth spoken of shortly before: `born in`, `year of birth:`, `DOB`, `b.`?
fn is_of_a_birth(before: &str) -> bool {
    const FAR: usize = 64;
    let mut from = before.len().saturating_sub(FAR);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let mut rest = &before[from..];
    let mut after = "";
    for number in 0..NEAR {
        let word_end = rest.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
        let (words, parts) = rest.split_at(word_end);
        let word = last_word(words);
        if word.eq_ignore_ascii_case("b") && parts.starts_with('.') {
            return true;
        }
        // What another sentence, or another line, says; and who was born in a year wasn't in the next.
        let parted =
            parts.contains([';', '!', '?']) || parts.contains(". ") || number > 0 && parts.contains('\n');
        let year = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        if parted || word.is_empty() || is_any(word, AT_BIRTH) || year && !is_any(after, &["or", "and"]) {
            return false;
        }
        if is_any(word, BORN) {
            return true;
        }
        after = word;
        rest = &words[..words.len() - word.len()];
    }
    false
}

fn is_introduced(before: &str) -> bool {
    let trimmed = before.trim_end_matches(' ');
    if trimmed.ends_with('(') {
        return true;
    }
    is_any(last_word(trimmed.trim_end_matches(['-', '\''])), BEFORE)
}

/// The letters and digits that a text ends in.
fn last_word(text: &str) -> &str {
    let start = text.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + char_len(text, at));
    text.get(start..).unwrap_or_default()
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::shipped);

    fn taken<'t>(text: &'t str, introduced: bool, earliest: i32, births: &[i32]) -> Vec<&'t str> {
        let mut spans = Vec::new();
        Years { lexicon: &LEXICON, introduced, earliest, births }.find(text, &mut spans);
        spans.iter().map(|s| &text[s.range()]).collect()
    }

    #[test]
    fn years_are_told_from_numbers() {
        for (text, want) in [
            ("since 2015, and in 2019.", &["2015", "2019"][..]),
            ("MI (2012) and mid-2013", &["2012", "2013"]),
            ("aspirin 2000 mg, 1950 mL, in 2000/5", &[]),
            ("of 20190 cells, né1999, in 1850", &[]),
        ] {
            assert_eq!(taken(text, true, i32::MIN, &[]), want, "{text}");
        }
    }

    #[test]
    fn a_year_of_birth_is_taken_wherever_it_is_called_so() {
        for (text, want) in [
            (
                "Born 1950 in Ohio. born in 1951; DOB 1952, DOB: 1953, YOB=x 1954",
                &["1950", "1951", "1952", "1953", "1954"][..],
            ),
            (
                "Year of birth: 1950. Birth year 1961. (b. 1962) Date of birth - 1963",
                &["1950", "1961", "1962", "1963"],
            ),
            ("DOB:\n1950", &["1950"]),
            ("Daughter was born in Ohio and is well; MI in 2003", &[]),
            ("Birth weight 1950 g. Birth weight: 1950. Born early. MI in 2015. Gave birth; 2015 MI", &[]),
            ("seen in 2015, since 2016", &[]),
        ] {
            assert_eq!(taken(text, false, i32::MIN, &[]), want, "{text}");
        }
        assert_eq!(
            taken("School 1950-1956, moved 1962, 1950 mL, 1950.5", false, i32::MIN, &[1950]),
            ["1950"]
        );
    }

    #[test]
    fn a_year_that_tells_a_great_age_is_taken_and_a_measurement_is_not() {
        for (text, want) in [
            (
                "Appendectomy 1931, polio 1929, married 1938. In 1899 (1925).",
                &["1931", "1929", "1899", "1925"][..],
            ),
            ("Served 1930-1933 abroad; retired 1981.", &["1930", "1933"]),
            ("WBC 1900, BNP: 1850, gave 1900 mL, urine output 1910, 1900-calorie diet, 1800 kcal", &[]),
            ("Seen at 1830.\n1915 Pt resting.\n1920: asleep. Weight 1930 g, 1900/min, $1900, 12.1900", &[]),
        ] {
            assert_eq!(taken(text, false, 1935, &[]), want, "{text}");
        }
        let text = "3/14/2019 1830 wound dry";
        let mut spans = vec![Span::new(0..9, Identifier::Date)];
        Years { lexicon: &LEXICON, introduced: true, earliest: 1935, births: &[] }.find(text, &mut spans);
        assert_eq!(spans.len(), 1);
    }
}
