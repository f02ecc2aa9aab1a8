//! The ways in which days are written.

use super::super::dice::Dice;
use super::{Class, Knowledge, Plant};
use chrono::{Datelike, NaiveDate};

/// The style that most dates of a note follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    American,
    Iso,
    LongMonth,
    Dotted,
    TwoDigit,
    Compact,
    Military,
    British,
}

impl House {
    pub const ALL: [House; 8] = [
        House::American,
        House::Iso,
        House::LongMonth,
        House::Dotted,
        House::TwoDigit,
        House::Compact,
        House::Military,
        House::British,
    ];

    fn styles(self) -> &'static [&'static str] {
        match self {
            House::American => &["3/14/2019", "03/14/2019", "03-14-2019"],
            House::Iso => &["2019-03-14", "2019/03/14"],
            House::LongMonth => &["March 14, 2019", "March 14th, 2019", "Mar 14, 2019", "14 March 2019"],
            House::Dotted => &["14.03.2019", "14.3.19"],
            House::TwoDigit => &["3/14/19", "03/14/19", "3-14-19"],
            House::Compact => &["20190314", "03142019"],
            House::Military => &["14-MAR-2019", "14Mar2019", "14 MAR 19"],
            House::British => &["14 March 2019", "the 14th of March 2019", "14/03/2019"],
        }
    }
}

/// How much of the day is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Whole,
    /// Day and month.
    NoYear,
    /// Month and year.
    NoDay,
    Month,
    Range,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day, in the house's style or, every sixth time, in another.
pub fn date(day: NaiveDate, form: Form, house: House, dice: &mut Dice) -> Plant {
    let house = if dice.chance(1.0 / 6.0) { *dice.choose(&House::ALL) } else { house };
    let style = match form {
        Form::Whole => dice.pick(house.styles()),
        Form::NoYear => match house {
            House::American | House::TwoDigit | House::Compact => dice.pick(&["3/14", "03/14", "March 14"]),
            House::Iso | House::LongMonth => dice.pick(&["March 14", "March 14th", "Mar 14"]),
            House::Dotted => dice.pick(&["14.03.", "14 March"]),
            House::Military => "14-MAR",
            House::British => dice.pick(&["14 March", "the 14th of March", "14th March"]),
        },
        Form::NoDay => match house {
            House::American | House::Dotted | House::TwoDigit => dice.pick(&["03/2019", "March 2019"]),
            House::Iso | House::Compact => dice.pick(&["2019-03", "March 2019"]),
            _ => dice.pick(&["March 2019", "March of 2019", "Mar '19", "Mar 2019"]),
        },
        Form::Month => "March",
        Form::Range => match house {
            House::American | House::TwoDigit => dice.pick(&["3/14-3/18/2019", "3/14 - 3/18"]),
            House::Iso | House::Compact => "2019-03-14 to 2019-03-18",
            House::Dotted => "14.-18.03.2019",
            _ => dice.pick(&["March 14-18, 2019", "14-18 March 2019"]),
        },
    };
    let plant = Plant::new(Class::Date, style, Knowledge::Shape);
    let plant = match form == Form::Whole && house != House::Compact && dice.chance(0.08) {
        // The day of the week belongs to it but tells little.
        true => plant.plain(&format!("{}, ", day.format(dice.pick(&["%A", "%a"])))),
        false => plant,
    };
    let (d, m, y) = (day.day(), day.month(), day.year());
    let yy = y.rem_euclid(100);
    let month = MONTHS[m as usize - 1];
    let mon = &month[..3];
    let end = |days: i64| day + chrono::Duration::days(days);
    match style {
        "3/14/2019" => plant.secret(&format!("{m}/{d}/{y}")),
        "03/14/2019" => plant.secret(&format!("{m:02}/{d:02}/{y}")),
        "03-14-2019" => plant.secret(&format!("{m:02}-{d:02}-{y}")),
        "2019-03-14" => plant.secret(&format!("{y}-{m:02}-{d:02}")),
        "2019/03/14" => plant.secret(&format!("{y}/{m:02}/{d:02}")),
        "March 14, 2019" => plant.secret(&format!("{month} {d}, {y}")),
        "March 14th, 2019" => plant.secret(&format!("{month} {d}{}, {y}", ordinal(d))),
        "Mar 14, 2019" => plant.secret(&format!("{mon} {d}, {y}")),
        "14 March 2019" => plant.secret(&format!("{d} {month} {y}")),
        "14.03.2019" => plant.secret(&format!("{d:02}.{m:02}.{y}")),
        "14.3.19" => plant.secret(&format!("{d}.{m}.{yy:02}")),
        "3/14/19" => plant.secret(&format!("{m}/{d}/{yy:02}")),
        "03/14/19" => plant.secret(&format!("{m:02}/{d:02}/{yy:02}")),
        "3-14-19" => plant.secret(&format!("{m}-{d}-{yy:02}")),
        "20190314" => plant.secret(&format!("{y}{m:02}{d:02}")),
        "03142019" => plant.secret(&format!("{m:02}{d:02}{y}")),
        "14-MAR-2019" => plant.secret(&format!("{d:02}-{}-{y}", mon.to_uppercase())),
        "14Mar2019" => plant.secret(&format!("{d:02}{mon}{y}")),
        "14 MAR 19" => plant.secret(&format!("{d:02} {} {yy:02}", mon.to_uppercase())),
        "the 14th of March 2019" => plant
            .plain("the ")
            .secret(&format!("{d}{}", ordinal(d)))
            .plain(" of ")
            .secret(&format!("{month} {y}")),
        "14/03/2019" => plant.secret(&format!("{d:02}/{m:02}/{y}")),
        "3/14" => plant.secret(&format!("{m}/{d}")),
        "03/14" => plant.secret(&format!("{m:02}/{d:02}")),
        "March 14" => plant.secret(&format!("{month} {d}")),
        "March 14th" => plant.secret(&format!("{month} {d}{}", ordinal(d))),
        "Mar 14" => plant.secret(&format!("{mon} {d}")),
        "14.03." => plant.secret(&format!("{d:02}.{m:02}.")),
        "14 March" => plant.secret(&format!("{d} {month}")),
        "14th March" => plant.secret(&format!("{d}{} {month}", ordinal(d))),
        "14-MAR" => plant.secret(&format!("{d:02}-{}", mon.to_uppercase())),
        "the 14th of March" => {
            plant.plain("the ").secret(&format!("{d}{}", ordinal(d))).plain(" of ").secret(month)
        }
        "03/2019" => plant.secret(&format!("{m:02}/{y}")),
        "March 2019" => plant.secret(&format!("{month} {y}")),
        "March of 2019" => plant.secret(month).plain(" of ").secret(&y.to_string()),
        "Mar '19" => plant.secret(&format!("{mon} '{yy:02}")),
        "Mar 2019" => plant.secret(&format!("{mon} {y}")),
        "2019-03" => plant.secret(&format!("{y}-{m:02}")),
        "March" => plant.secret(month),
        "3/14-3/18/2019" => {
            let to = end(4);
            plant.secret(&format!("{m}/{d}-{}/{}/{}", to.month(), to.day(), to.year()))
        }
        "3/14 - 3/18" => plant.secret(&format!("{m}/{d} - {}/{}", end(3).month(), end(3).day())),
        "2019-03-14 to 2019-03-18" => plant
            .secret(&format!("{y}-{m:02}-{d:02}"))
            .plain(" to ")
            .secret(&end(5).format("%Y-%m-%d").to_string()),
        "14.-18.03.2019" => match d <= 24 {
            true => plant.secret(&format!("{d:02}.-{:02}.{m:02}.{y}", d + 4)),
            false => plant.secret(&format!("{d:02}.{m:02}.{y}")),
        },
        "March 14-18, 2019" if d <= 24 => plant.secret(&format!("{month} {d}-{}, {y}", d + 4)),
        "14-18 March 2019" if d <= 24 => plant.secret(&format!("{d}-{} {month} {y}", d + 4)),
        "March 14-18, 2019" | "14-18 March 2019" => plant.secret(&format!("{d} {month} {y}")),
        other => unreachable!("{other} is no style"),
    }
}

/// Every Whole style, for tables.
pub fn whole_styles() -> Vec<&'static str> {
    House::ALL.iter().flat_map(|house| house.styles()).copied().collect()
}

fn ordinal(day: u32) -> &'static str {
    match day {
        11..=13 => "th",
        _ => match day % 10 {
            1 => "st",
            2 => "nd",
            3 => "rd",
            _ => "th",
        },
    }
}

/// An age past 89, in digits or words.
pub fn old_age(years: i64, words: bool) -> Plant {
    const UNITS: [&str; 10] = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let plant = |style| Plant::new(Class::AgeOver89, style, Knowledge::Shape);
    match (words, years) {
        (true, 90) => plant("ninety").secret("ninety"),
        (true, 91..=99) => plant("ninety-four").secret(&format!("ninety-{}", UNITS[years as usize - 90])),
        (true, 100) => plant("one hundred").secret("one hundred"),
        _ => plant("94").secret(&years.to_string()),
    }
}
