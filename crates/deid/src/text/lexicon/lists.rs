//! The lists shipped, and how they are read.

use super::Class;

/// Front-coded lists, each of one class; made by `lists/generate.py`.
const CODED: &[(Class, &str)] = &[
    (Class::ORDINARY, include_str!("../../../lists/ordinary.txt")),
    (Class::CLINICAL, include_str!("../../../lists/clinical.txt")),
    (Class::MEDICINE, include_str!("../../../lists/drugs.txt")),
    (Class::FIRST_COMMON, include_str!("../../../lists/first_common.txt")),
    (Class::LAST_COMMON, include_str!("../../../lists/last_common.txt")),
    (Class::FIRST, include_str!("../../../lists/first.txt")),
    (Class::LAST, include_str!("../../../lists/last.txt")),
];

/// Cities, a line each.
const CITIES: &str = include_str!("../../../lists/cities.txt");

/// What is written by hand, in sections: what words do in a sentence, and clinical words that no list has.
const BY_HAND: [&str; 2] =
    [include_str!("../../../lists/words.hand.txt"), include_str!("../../../lists/clinical.hand.txt")];

/// Gives every entry of every list, a word or words parted by spaces, with its class.
pub fn each(mut entry: impl FnMut(Class, &str)) {
    for (class, list) in CODED {
        let mut word = String::new();
        for line in lines(list) {
            let shared = line.chars().next().and_then(|digit| digit.to_digit(36)).unwrap_or(0) as usize;
            word.truncate(shared);
            word.push_str(line.get(1..).unwrap_or_default());
            entry(*class, &word);
        }
    }
    for line in lines(CITIES) {
        entry(Class::CITY, line);
    }
    let mut class = Class::NONE;
    for line in BY_HAND.iter().flat_map(|list| lines(list)) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(section) => class = Class::of_section(section).unwrap_or_default(),
            None => line.split(',').map(str::trim).filter(|e| !e.is_empty()).for_each(|e| entry(class, e)),
        }
    }
}

fn lines(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_a_class_and_every_list_is_sorted() {
        for line in BY_HAND.iter().flat_map(|list| lines(list)).filter(|line| line.starts_with('[')) {
            let section = line.trim_matches(['[', ']']);
            assert!(Class::of_section(section).is_some(), "{section}");
        }
        let (mut before, mut of, mut count) = (String::new(), Class::NONE, 0);
        each(|class, word| {
            count += 1;
            if CODED.iter().any(|&(coded, _)| coded == class) && of == class && count < 90_000 {
                assert!(before.as_str() < word, "{before} {word}");
            }
            (before, of) = (word.to_owned(), class);
        });
        assert!(count > 80_000, "{count}");
    }
}
