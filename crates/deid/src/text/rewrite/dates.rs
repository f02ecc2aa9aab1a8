//! Dates in words and numbers: read, moved, and written again in the same form.

use super::DateTreatment;
use events::{MICROS_PER_DAY, Time};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Two-digit years up to this one are of this century: a birth date of 1936 is likelier than one of 2036.
const LAST_OF_THIS_CENTURY: i32 = 35;
/// For a date without its year, and without the text's.
const ANY_YEAR: i32 = 2001;
/// For a month without its day: its middle, so that it moves to the month it most likely moves to.
const MIDDLE: u32 = 15;

/// The date in `found`, treated; `None` when it can't be read, or may not be told.
pub(super) fn replace(found: &str, treatment: DateTreatment, year: Option<i32>) -> Option<String> {
    match treatment {
        DateTreatment::Keep => Some(found.to_owned()),
        DateTreatment::Year { earliest } => {
            let year = Date::read(found)?.year()?;
            (year >= earliest).then(|| year.to_string())
        }
        DateTreatment::Shift { days, earliest } => {
            let date = Date::read(found)?;
            let told = date.year().is_none_or(|stated| date.in_century(stated, year) >= earliest);
            told.then(|| date.shifted(days, year))?
        }
    }
}

/// A date's pieces, in the order in which they stand.
struct Date<'t> {
    pieces: Vec<Piece<'t>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece<'t> {
    /// Copied as it is.
    Text(&'t str),
    /// Digits whose meaning is not known yet.
    Digits(&'t str),
    Year {
        value: i32,
        digits: usize,
    },
    Month {
        value: u32,
        digits: usize,
    },
    MonthName {
        value: u32,
        written: &'t str,
    },
    Day {
        value: u32,
        digits: usize,
        ordinal: bool,
    },
    Weekday {
        written: &'t str,
    },
    /// `20230412`, in this order.
    Compact {
        order: [Part; 3],
        year: i32,
        month: u32,
        day: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Year,
    Month,
    Day,
}

impl<'t> Date<'t> {
    /// Reads one date. Two dates, as in a range, are none.
    fn read(text: &'t str) -> Option<Self> {
        let mut date = Date { pieces: pieces(text)? };
        date.understand()?;
        let count = |is: fn(&Piece<'_>) -> bool| date.pieces.iter().filter(|piece| is(piece)).count();
        let years = count(|p| matches!(p, Piece::Year { .. } | Piece::Compact { .. }));
        let months =
            count(|p| matches!(p, Piece::Month { .. } | Piece::MonthName { .. } | Piece::Compact { .. }));
        let days = count(|p| matches!(p, Piece::Day { .. } | Piece::Compact { .. }));
        let unread = date.pieces.iter().any(|piece| matches!(piece, Piece::Digits(_)));
        (years <= 1 && months <= 1 && days <= 1 && years + months > 0 && !unread).then_some(date)
    }

    /// Gives the digits their meaning, by what stands beside them.
    fn understand(&mut self) -> Option<()> {
        let named = self.pieces.iter().any(|piece| matches!(piece, Piece::MonthName { .. }));
        let digits: Vec<(usize, &str)> = self
            .pieces
            .iter()
            .enumerate()
            .filter_map(|(at, piece)| match piece {
                Piece::Digits(digits) => Some((at, *digits)),
                _ => None,
            })
            .collect();
        let ordinal = self.pieces.iter().any(|piece| matches!(piece, Piece::Day { .. }));
        let roles: Vec<Part> = match (named, digits.as_slice()) {
            (_, []) => vec![],
            (false, [(at, eight)]) if eight.len() == 8 => {
                self.pieces[*at] = compact(eight)?;
                return Some(());
            }
            (_, [(_, four)]) if four.len() == 4 => vec![Part::Year],
            (true, [(_, _)]) if ordinal => vec![Part::Year],
            (true, [(at, two)]) => {
                let quoted = matches!(
                    at.checked_sub(1).map(|before| self.pieces[before]),
                    Some(Piece::Text(text)) if text.ends_with(['\'', '’'])
                );
                let day = number(two)? <= 31 && !quoted;
                vec![if day { Part::Day } else { Part::Year }]
            }
            (true, [(_, first), (_, second)]) => match (first.len(), second.len()) {
                (4, _) => vec![Part::Year, Part::Day],
                (_, _) => vec![Part::Day, Part::Year],
            },
            (false, [(_, first), (_, second)]) => match (first.len(), second.len()) {
                (4, _) => vec![Part::Year, Part::Month],
                (_, 4) => vec![Part::Month, Part::Year],
                _ if number(first)? > 12 => vec![Part::Day, Part::Month],
                _ => vec![Part::Month, Part::Day],
            },
            (false, [(at, first), (_, second), (_, third)]) => {
                let dotted = matches!(self.pieces.get(at + 1), Some(Piece::Text(text)) if text.contains('.'));
                if first.len() == 4 {
                    vec![Part::Year, Part::Month, Part::Day]
                } else if number(second)? > 12 {
                    vec![Part::Month, Part::Day, Part::Year]
                } else if number(first)? > 12 || (dotted && third.len() >= 2) {
                    vec![Part::Day, Part::Month, Part::Year]
                } else {
                    vec![Part::Month, Part::Day, Part::Year]
                }
            }
            _ => return None,
        };
        for ((at, digits), role) in digits.into_iter().zip(roles) {
            let (value, width) = (number(digits)?, digits.len());
            self.pieces[at] = match role {
                Part::Year => Piece::Year { value: full_year(value as i32, width)?, digits: width },
                Part::Month if (1..=12).contains(&value) => Piece::Month { value, digits: width },
                Part::Day if (1..=31).contains(&value) => Piece::Day { value, digits: width, ordinal: false },
                _ => return None,
            };
        }
        Some(())
    }

    fn year(&self) -> Option<i32> {
        self.pieces.iter().find_map(|piece| match *piece {
            Piece::Year { value, .. } | Piece::Compact { year: value, .. } => Some(value),
            _ => None,
        })
    }

    /// The year that two digits of a birth date stand for: none lies after the text that states it.
    fn in_century(&self, stated: i32, of_text: Option<i32>) -> i32 {
        let short = self.pieces.iter().any(|piece| matches!(piece, Piece::Year { digits: 2, .. }));
        match of_text {
            Some(of_text) if short && stated > of_text + 1 => stated - 100,
            _ => stated,
        }
    }

    fn month(&self) -> Option<u32> {
        self.pieces.iter().find_map(|piece| match *piece {
            Piece::Month { value, .. }
            | Piece::MonthName { value, .. }
            | Piece::Compact { month: value, .. } => Some(value),
            _ => None,
        })
    }

    fn day(&self) -> Option<u32> {
        self.pieces.iter().find_map(|piece| match *piece {
            Piece::Day { value, .. } | Piece::Compact { day: value, .. } => Some(value),
            _ => None,
        })
    }

    /// Are months and days below ten written with a zero? A month or day of one digit says no, a zero yes; else it
    /// is usual among numbers and not beside the name of a month.
    fn is_padded(&self) -> bool {
        let small = |piece: &Piece<'_>| match *piece {
            Piece::Month { value, digits } | Piece::Day { value, digits, .. } => {
                (value < 10).then_some(digits > 1)
            }
            _ => None,
        };
        let named = self.pieces.iter().any(|piece| matches!(piece, Piece::MonthName { .. }));
        self.pieces.iter().find_map(small).unwrap_or(!named)
    }

    /// The date moved, written as it was.
    fn shifted(&self, days: i64, of_text: Option<i32>) -> Option<String> {
        let (month, day) = (self.month(), self.day());
        let year = self.year().or(of_text).unwrap_or(ANY_YEAR);
        // A year alone moves to where its middle moves.
        let date = Time::from_ymd(
            year,
            month.unwrap_or(7),
            day.unwrap_or(if month.is_some() { MIDDLE } else { 1 }),
        )?;
        let moved = Time::from_micros(date.micros().checked_add(days.checked_mul(MICROS_PER_DAY)?)?);
        let (year, month, day) = moved.ymd();
        let padded = |value: u32| if self.is_padded() { format!("{value:02}") } else { value.to_string() };
        let mut out = String::new();
        for piece in &self.pieces {
            match *piece {
                Piece::Text(text) | Piece::Digits(text) => out.push_str(text),
                Piece::Year { digits, .. } => out.push_str(&written_year(year, digits)),
                Piece::Month { .. } => out.push_str(&padded(month)),
                Piece::MonthName { written, .. } => out.push_str(&like(MONTHS[month as usize - 1], written)),
                Piece::Day { ordinal: true, .. } => {
                    out.push_str(&day.to_string());
                    out.push_str(suffix(day));
                }
                Piece::Day { .. } => out.push_str(&padded(day)),
                Piece::Weekday { written } => out.push_str(&like(WEEKDAYS[weekday(moved)], written)),
                Piece::Compact { order, .. } => {
                    for part in order {
                        match part {
                            Part::Year => out.push_str(&written_year(year, 4)),
                            Part::Month => out.push_str(&format!("{month:02}")),
                            Part::Day => out.push_str(&format!("{day:02}")),
                        }
                    }
                }
            }
        }
        Some(out)
    }
}

/// Splits into digits, words and what is between; `None` when a word is none of a date's. A time of day after the
/// date is copied.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let run = |is: fn(char) -> bool| rest.find(|c: char| !is(c)).unwrap_or(rest.len());
        if first.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit());
            let (digits, after) = rest.split_at(length);
            if after.starts_with(':') {
                pieces.push(Piece::Text(rest));
                return Some(pieces);
            }
            let ordinal = ["st", "nd", "rd", "th"].iter().any(|end| {
                after.get(..2).is_some_and(|a| a.eq_ignore_ascii_case(end))
                    && !after[2..].starts_with(|c: char| c.is_alphanumeric())
            });
            if ordinal {
                pieces.push(Piece::Day { value: number(digits)?, digits: length, ordinal: true });
                at += length + 2;
            } else {
                pieces.push(Piece::Digits(digits));
                at += length;
            }
        } else if first.is_alphabetic() {
            let word = &rest[..run(char::is_alphabetic)];
            let lower = word.to_lowercase();
            if let Some(month) = named(&lower, &MONTHS) {
                pieces.push(Piece::MonthName { value: month as u32 + 1, written: word });
            } else if named(&lower, &WEEKDAYS).is_some() {
                pieces.push(Piece::Weekday { written: word });
            } else if word == "T" && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
                pieces.push(Piece::Text(rest));
                return Some(pieces);
            } else if matches!(lower.as_str(), "of" | "the" | "on" | "de") {
                pieces.push(Piece::Text(word));
            } else {
                return None;
            }
            at += word.len();
        } else {
            // At least one: there are digits that are neither letters nor ASCII's.
            let length = run(|c| !c.is_alphanumeric()).max(first.len_utf8());
            pieces.push(Piece::Text(&rest[..length]));
            at += length;
        }
    }
    Some(pieces)
}

/// A name in full, or by at least its first three letters (`Sept`, `Thurs`).
fn named(word: &str, names: &[&str]) -> Option<usize> {
    (word.len() >= 3).then(|| names.iter().position(|name| name.starts_with(word)))?
}

fn compact(eight: &str) -> Option<Piece<'_>> {
    let part = |from: usize, to: usize| number(eight.get(from..to)?);
    let read = |order: [Part; 3]| {
        let (year, month, day) = match order[0] {
            Part::Year => (part(0, 4)?, part(4, 6)?, part(6, 8)?),
            Part::Month => (part(4, 8)?, part(0, 2)?, part(2, 4)?),
            Part::Day => (part(4, 8)?, part(2, 4)?, part(0, 2)?),
        };
        let year = full_year(year as i32, 4)?;
        Time::from_ymd(year, month, day)?;
        Some(Piece::Compact { order, year, month, day })
    };
    read([Part::Year, Part::Month, Part::Day])
        .or_else(|| read([Part::Month, Part::Day, Part::Year]))
        .or_else(|| read([Part::Day, Part::Month, Part::Year]))
}

fn number(digits: &str) -> Option<u32> {
    digits.parse().ok()
}

fn full_year(value: i32, digits: usize) -> Option<i32> {
    match digits {
        4 => (1850..=2150).contains(&value).then_some(value),
        2 if value <= LAST_OF_THIS_CENTURY => Some(2000 + value),
        2 => Some(1900 + value),
        _ => None,
    }
}

fn written_year(year: i32, digits: usize) -> String {
    match digits {
        2 => format!("{:02}", year.rem_euclid(100)),
        _ => format!("{year:04}"),
    }
}

/// A name as long and in the case of what is written: `Jan` → `Feb`, `MARCH` → `APRIL`.
fn like(name: &str, written: &str) -> String {
    // Three letters are a short form, but for May, of which there is no other.
    let short = written.chars().count() <= 4
        && !written.eq_ignore_ascii_case("june")
        && !written.eq_ignore_ascii_case("july");
    let name = if short && !written.eq_ignore_ascii_case("may") { &name[..3] } else { name };
    let mut letters = written.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let shouted = letters.next().is_some_and(char::is_uppercase);
    match (capital, shouted) {
        (true, true) => name.to_uppercase(),
        (true, false) => name[..1].to_uppercase() + &name[1..],
        _ => name.to_owned(),
    }
}

fn suffix(day: u32) -> &'static str {
    match (day % 10, day % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

/// 1970-01-01 was a Thursday.
fn weekday(time: Time) -> usize {
    (time.micros().div_euclid(MICROS_PER_DAY) + 3).rem_euclid(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moved(text: &str, days: i64) -> Option<String> {
        replace(text, DateTreatment::Shift { days, earliest: i32::MIN }, Some(2023))
    }

    #[test]
    fn no_date_that_is_moved_tells_a_great_age() {
        let moved = |text| replace(text, DateTreatment::Shift { days: 10, earliest: 1934 }, Some(2023));
        for text in ["3/5/1931", "March 5, 1925", "1926-03-05", "19280305", "3/5/26", "1930"] {
            assert_eq!(moved(text), None, "{text}");
        }
        assert_eq!(moved("3/5/1936").as_deref(), Some("3/15/1936"));
        assert_eq!(moved("3/5/22").as_deref(), Some("3/15/22"));
        assert_eq!(moved("March 5").as_deref(), Some("March 15"));
    }

    #[test]
    fn a_date_keeps_its_form() {
        for (date, want) in [
            ("03/05/2023", "03/15/2023"),
            ("3/5/23", "3/15/23"),
            ("25/12/2022", "04/01/2023"),
            ("05.03.2023", "15.03.2023"),
            ("2023-02-20", "2023-03-02"),
            ("2023-02-20T14:05:00Z", "2023-03-02T14:05:00Z"),
            ("20230220", "20230302"),
            ("March 5th, 2023", "March 15th, 2023"),
            ("MARCH 25, 2023", "APRIL 4, 2023"),
            ("5 Mar 2023", "15 Mar 2023"),
            ("Dec 25 '22", "Jan 4 '23"),
            ("the 22nd of May", "the 1st of June"),
            ("Monday, March 6, 2023", "Thursday, March 16, 2023"),
            ("3/28", "4/7"),
            ("12/2022", "12/2022"),
            ("December 2022", "December 2022"),
            ("2023", "2023"),
        ] {
            assert_eq!(moved(date, 10).as_deref(), Some(want), "{date}");
        }
        for none in ["Christmas", "3/4-3/8/2023", "13/13/2023", "2/30/2023", "99999999", "x"] {
            assert_eq!(moved(none, 10), None, "{none}");
        }
    }

    #[test]
    fn only_the_year_is_told_and_no_great_age() {
        let year = |text| replace(text, DateTreatment::Year { earliest: 1934 }, None);
        assert_eq!(year("03/05/2023").as_deref(), Some("2023"));
        assert_eq!(year("5 Mar '36").as_deref(), Some("1936"));
        assert_eq!(year("March 5, 1931"), None);
        assert_eq!(year("March 5"), None);
    }

    proptest! {
        #[test]
        fn moving_there_and_back_is_no_move(days in -400i64..400, at in 0i64..30_000, form in 0usize..6) {
            let (y, m, d) = Time::from_micros(at * MICROS_PER_DAY).ymd();
            let date = match form {
                0 => format!("{m:02}/{d:02}/{y}"),
                1 => format!("{y}-{m:02}-{d:02}"),
                2 => format!("{} {d}, {y}", like(MONTHS[m as usize - 1], "Xxxxxxx")),
                3 => format!("{y}{m:02}{d:02}"),
                4 => format!("{d} {} {y}", like(MONTHS[m as usize - 1], "Xxx")),
                _ => format!("{}, {} {} {y}", like(WEEKDAYS[weekday(Time::from_micros(at * MICROS_PER_DAY))], "Xxxxxx"),
                    d, like(MONTHS[m as usize - 1], "Xxxxxxx")),
            };
            // May has no short form that differs.
            prop_assume!(!date.contains("May"));
            let there = moved(&date, days).unwrap();
            prop_assume!(!there.contains("May"));
            prop_assert_eq!(moved(&there, -days).unwrap(), date);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", days in -4000i64..4000) {
            let _ = moved(&text, days);
        }
    }
}
