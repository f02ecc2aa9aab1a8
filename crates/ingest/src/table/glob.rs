//! File name patterns: `*`, `?` and sets such as `[0-9]`.

/// Does the whole of `name` match `pattern`? Letters match in either case.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    // Where to resume when a star has to take one character more: linear for one star, never exponential.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(_) => match one(&pattern[p..], name[n]) {
                Some(length) => (p, n) = (p + length, n + 1),
                None => match star {
                    Some((after, from)) => (p, n, star) = (after, from + 1, Some((after, from + 1))),
                    None => return false,
                },
            },
            None => match star {
                Some((after, from)) => (p, n, star) = (after, from + 1, Some((after, from + 1))),
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How long the pattern's next element is, if it matches this character.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => {
            let end = rest.iter().position(|c| *c == ']')?;
            let set = &rest[..end];
            let mut found = false;
            let mut at = 0;
            while at < set.len() {
                if at + 2 < set.len() && set[at + 1] == '-' {
                    found |= (set[at]..=set[at + 2]).contains(&character);
                    at += 3;
                } else {
                    found |= set[at] == character;
                    at += 1;
                }
            }
            found.then_some(end + 2)
        }
        [c, ..] if *c == character => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("nafld1.csv", "NAFLD1.csv", true),
            ("nafld1.csv", "nafld2.csv", false),
            ("[0-9]*.txt", "132539.txt", true),
            ("[0-9]*.txt", "outcomes-a.txt", false),
            ("outcomes-?.txt", "outcomes-a.txt", true),
            ("*", "", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "aab", true),
            ("*a*b", "aabc", false),
            ("[ab", "[ab", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)));
    }
}
