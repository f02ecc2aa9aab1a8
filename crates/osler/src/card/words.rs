//! Figures as a reader wants them.

use super::Figure;
use crate::progress::grouped;

/// Shown where there is no number.
pub const NOTHING: &str = "–";

/// A number: whole ones whole, others to three decimals.
pub fn number(value: f64) -> String {
    let text = match value.fract() == 0.0 && value.abs() >= 2.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.3}"),
    };
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
}

/// A figure, without its interval.
pub fn value(figure: &Figure) -> String {
    figure.value.map_or_else(|| NOTHING.to_owned(), number)
}

/// Its interval, its standard error, or why it has neither.
pub fn interval(figure: &Figure) -> Option<String> {
    match (figure.low, figure.high, figure.standard_error, &figure.reason) {
        (Some(low), Some(high), ..) => Some(format!("{} to {}", number(low), number(high))),
        (_, _, Some(error), _) => Some(format!("standard error {}", number(error))),
        (_, _, _, Some(reason)) => Some(reason.clone()),
        _ => None,
    }
}

/// A count that may be missing.
pub fn count(n: Option<u64>) -> String {
    n.map_or_else(|| NOTHING.to_owned(), grouped)
}

/// A horizon in days; nothing for 0, where the task has its own.
pub fn horizon(days: f64) -> String {
    let years = (days / 365.25).round();
    match days {
        days if days <= 0.0 => String::new(),
        days if years >= 1.0 && (days - years * 365.25).abs() <= 0.3 * years => match years {
            1.0 => " within 1 year".to_owned(),
            years => format!(" within {years} years"),
        },
        1.0 => " within 1 day".to_owned(),
        days => format!(" within {days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            (number(-0.0001), number(-0.25), number(120.0), number(0.0)),
            ("0.000".into(), "−0.250".into(), "120".into(), "0.000".into())
        );
        let figure = Figure { value: Some(0.8), low: Some(0.7), high: Some(0.9), ..Figure::default() };
        assert_eq!((value(&figure), interval(&figure)), ("0.800".into(), Some("0.700 to 0.900".into())));
        let none = Figure { reason: Some("one class only".into()), ..Figure::default() };
        assert_eq!((value(&none), interval(&none)), ("–".into(), Some("one class only".into())));
        assert_eq!(
            [365.25, 365.0, 730.5, 30.0, 0.0].map(horizon),
            [" within 1 year", " within 1 year", " within 2 years", " within 30 days", ""]
        );
    }
}
