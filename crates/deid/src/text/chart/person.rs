//! A person's name, as a chart writes it.

use crate::text::fold::{folded, words};

/// Before a name, not part of it.
const TITLES: &[&str] =
    &["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "rev", "sister", "father"];

/// After a name, not part of it. Some are names too (Do, Pa, Ot): they are taken off only where two others stay.
const SUFFIXES: &[&str] = &[
    "jr", "sr", "ii", "iii", "iv", "md", "do", "phd", "rn", "np", "pa", "pac", "dds", "dmd", "dpm", "pharmd",
    "lcsw", "msw", "bsn", "msn", "aprn", "lpn", "cnm", "crna", "facs", "facp", "mbbs", "frcp", "pt", "dpt",
    "ot", "esq", "m", "p", "h", "c", "d",
];

/// Parts of names that say nothing by themselves, unless they are all there is of one.
const PARTICLES: &[&str] = &[
    "van", "von", "der", "den", "de", "la", "le", "du", "del", "della", "di", "da", "dos", "bin", "ibn",
    "al", "el", "ter", "ten", "zu", "und", "y", "st", "san", "mac", "mc", "o", "d", "n", "los", "las", "des",
    "dello", "degli", "dalla", "das", "do", "vom", "zum", "zur", "ste", "saint", "abu", "ben", "ap", "t",
    "op", "het", "l", "af", "av",
];

/// Names folded, titles taken off.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    /// Given names, in order, initials among them.
    pub given: Vec<String>,
    /// Family names.
    pub family: Vec<String>,
}

impl Person {
    /// Reads `family, given given`, or `given given family`.
    pub(super) fn read(name: &str) -> Self {
        let parts = |text: &str| -> Vec<String> {
            words(text).map(|(start, end)| folded(&text[start..end])).collect()
        };
        let is_suffix = |word: &String| SUFFIXES.contains(&word.as_str());
        let (before, after) = name.split_once(',').unwrap_or((name, ""));
        let (before, after) = (parts(before), parts(after));
        // What follows the comma of `Ana Rey, MD` is no name.
        let is_suffixes = after.iter().all(is_suffix) && before.len() > 1;
        if !(after.is_empty() || is_suffixes) {
            return Person { given: without_suffix(after), family: before };
        }
        let titles = before.iter().take_while(|word| TITLES.contains(&word.as_str())).count();
        let titles = titles.min(before.len().saturating_sub(1));
        let mut given = before[titles..].to_vec();
        while given.len() > 2 && given.last().is_some_and(is_suffix) {
            given.pop();
        }
        let mut family: Vec<String> = given.pop().into_iter().collect();
        // Jan van der Berg
        while given.len() > 1
            && given.last().is_some_and(|last| PARTICLES.contains(&last.as_str()) && last.len() > 1)
        {
            family.extend(given.pop());
            family.rotate_right(1);
        }
        Person { given, family }
    }

    /// The parts that can be looked for by themselves.
    pub(super) fn telling(&self) -> impl Iterator<Item = &str> {
        [&self.given, &self.family].into_iter().flat_map(|parts| {
            let is_telling = |part: &&str| !PARTICLES.contains(part);
            let parts = || parts.iter().map(String::as_str).filter(|part| part.chars().count() > 1);
            let has_others = parts().any(|part| is_telling(&part));
            parts().filter(move |part| !has_others || is_telling(part))
        })
    }

    /// What stands within or before the names and says nothing by itself: `van`, `der`, `O`.
    pub(super) fn particles(&self) -> impl Iterator<Item = &str> {
        let parts = self.given.iter().chain(&self.family).map(String::as_str);
        parts.filter(|part| PARTICLES.contains(part))
    }

    /// First letters in the orders that notes use: `AR`, `AMR`, `RA`, without repeats.
    pub(super) fn initials(&self) -> Vec<String> {
        let first = |names: &[String]| -> String { names.iter().filter_map(|n| n.chars().next()).collect() };
        let (given, family) = (first(&self.given), first(&self.family));
        let (Some(g), Some(f)) = (given.chars().next(), family.chars().next()) else { return Vec::new() };
        let mut all =
            vec![format!("{g}{f}"), format!("{given}{f}"), format!("{given}{family}"), format!("{f}{g}")];
        // `M.C.` for Mary-Ann de la Cruz.
        let firsts =
            |names: &[String]| -> Vec<char> { names.iter().filter_map(|n| n.chars().next()).collect() };
        for g in firsts(&self.given) {
            for f in firsts(&self.family) {
                all.push(format!("{g}{f}"));
            }
        }
        all.sort();
        all.dedup();
        all
    }

    /// One-word forms of log-in names and addresses: `arey`, `reya`, `anarey`, `reyana`.
    pub(super) fn joined(&self) -> Vec<String> {
        let (Some(given), Some(family)) = (self.given.first(), self.family.last()) else { return Vec::new() };
        let Some(g) = given.chars().next() else { return Vec::new() };
        vec![
            format!("{g}{family}"),
            format!("{family}{g}"),
            format!("{given}{family}"),
            format!("{family}{given}"),
        ]
    }
}

fn without_suffix(mut given: Vec<String>) -> Vec<String> {
    while given.len() > 1
        && given.last().is_some_and(|last| ["jr", "sr", "ii", "iii", "iv"].contains(&last.as_str()))
    {
        given.pop();
    }
    given
}

/// A word without the digits at its end, where letters stay: synthetic populations number their names.
pub(super) fn without_number(word: &str) -> Option<&str> {
    let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
    (bare.len() < word.len() && bare.chars().count() > 1).then_some(bare)
}

/// Does this folded word come before a name?
pub(super) fn introduces(word: &str) -> bool {
    matches!(
        word,
        "mr" | "mrs"
            | "ms"
            | "miss"
            | "mx"
            | "dr"
            | "prof"
            | "doctor"
            | "patient"
            | "pt"
            | "name"
            | "named"
            | "nurse"
            | "mother"
            | "father"
            | "wife"
            | "husband"
            | "son"
            | "daughter"
            | "sister"
            | "brother"
            | "spouse"
            | "partner"
            | "uncle"
            | "aunt"
            | "cousin"
            | "guardian"
            | "friend"
            | "client"
            | "resident"
            | "attending"
            | "surgeon"
            | "provider"
            | "physician"
            | "signed"
            | "by"
            | "dear"
            | "hi"
            | "hello"
            | "caregiver"
            | "proxy"
            | "contact"
            | "source"
            | "informant"
            | "historian"
    )
}

/// Does this folded word come before initials?
pub(super) fn introduces_initials(word: &str) -> bool {
    introduces(word)
        || matches!(
            word,
            "with"
                | "per"
                | "initials"
                | "initial"
                | "init"
                | "inits"
                | "cosigned"
                | "dictated"
                | "transcribed"
                | "reviewed"
                | "seen"
                | "staff"
                | "tech"
                | "rn"
                | "md"
                | "np"
                | "to"
                | "from"
                | "reader"
                | "verified"
                | "checked"
                | "witness"
                | "nok"
                | "dtr"
                | "pcp"
                | "and"
                | "told"
                | "called"
                | "informed"
                | "via"
                | "w"
                | "typed"
                | "user"
                | "author"
                | "on"
                | "re"
                | "of"
                | "for"
                | "reach"
                | "married"
                | "when"
                | "until"
                | "source"
                | "informant"
                | "notified"
                | "caller"
                | "permit"
                | "allow"
                | "let"
                | "another"
                | "sons"
                | "daughters"
                | "sisters"
                | "brothers"
                | "children"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_both_orders() {
        let rey = Person::read("Rey Núñez, Ana M.");
        assert_eq!((rey.given.join(" "), rey.family.join(" ")), ("ana m".into(), "rey nunez".into()));
        assert_eq!(Person::read("Dr. Ana M. Rey, MD"), Person::read("Rey, Ana M"));
        assert_eq!(Person::read("Ana Do"), Person::read("Do, Ana"));
        assert_eq!(Person::read("Dr. Ana Rey Jr. M.D."), Person::read("Rey, Ana"));
        assert_eq!(rey.initials(), ["amr", "amrn", "an", "ar", "mn", "mr", "ra"]);
        assert_eq!(rey.telling().collect::<Vec<_>>(), ["ana", "rey", "nunez"]);
        assert_eq!(Person::read("Del, Ana").telling().collect::<Vec<_>>(), ["ana", "del"]);
        assert_eq!(Person::read("de la Rey, Van").telling().collect::<Vec<_>>(), ["van", "rey"]);
        assert_eq!(without_number("aaron697"), Some("aaron"));
        assert_eq!(without_number("697"), None);
    }
}
