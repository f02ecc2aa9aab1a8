//! Numbers and horizons as a reader wants them.

use crate::evaluation::Estimate;

/// Shown where there is no number.
pub(crate) const NOTHING: &str = "–";

/// Three decimals, a true minus sign.
pub(crate) fn number(value: f64) -> String {
    decimals(value, 3)
}

/// A number with so many decimals and a true minus sign.
pub(crate) fn decimals(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let zero = text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.'));
    if zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
}

/// A whole number with thin spaces between thousands.
pub(crate) fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage with one decimal, or two below 1 %.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let places = if value == 0.0 || value >= 1.0 { 1 } else { 2 };
    format!("{}\u{a0}%", decimals(value, places))
}

/// A share that may be missing.
pub(crate) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), percent)
}

/// A value, or a dash.
pub(crate) fn value(estimate: &Estimate) -> String {
    estimate.value.map_or_else(|| NOTHING.to_owned(), number)
}

/// The interval as `0.845 to 0.876`, or nothing.
pub(crate) fn interval(estimate: &Estimate) -> Option<String> {
    Some(format!("{} to {}", number(estimate.low?), number(estimate.high?)))
}

/// A value with its interval in running text: `0.861 (95 % interval 0.845 to 0.876)`.
pub(crate) fn with_interval(estimate: &Estimate, confidence: f64) -> String {
    match interval(estimate) {
        Some(interval) => format!("{} ({} interval {interval})", value(estimate), level(confidence)),
        None => value(estimate),
    }
}

/// The coverage of intervals: `95 %`.
pub(crate) fn level(confidence: f64) -> String {
    let value = confidence * 100.0;
    let places = usize::from((value - value.round()).abs() > 1e-9);
    format!("{}\u{a0}%", decimals(value, places))
}

/// A horizon in days as people say it; nothing for 0, where the task has its own.
pub(crate) fn horizon(days: f32) -> Option<String> {
    let days = f64::from(days);
    if days <= 0.0 {
        return None;
    }
    let years = days / 365.25;
    let whole_years = years.round();
    // 365 days and 365.25 days are both a year.
    let text = if whole_years >= 1.0 && (days - whole_years * 365.25).abs() <= 0.3 * whole_years {
        if whole_years == 1.0 { "1 year".to_owned() } else { format!("{whole_years} years") }
    } else if days == 1.0 {
        "1 day".to_owned()
    } else if days < 1.0 {
        format!("{} hours", decimals(days * 24.0, 0))
    } else {
        format!("{} days", decimals(days, usize::from(days.fract() != 0.0)))
    };
    Some(text)
}

/// A task's name with its horizon: `Heart failure within 1 year`.
pub(crate) fn task(name: &str, horizon_days: f32) -> String {
    horizon(horizon_days).map_or_else(|| name.to_owned(), |h| format!("{name} within {h}"))
}

/// At most so many letters of a text, the last of them an ellipsis where some are left out.
pub(crate) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shortened_says_so() {
        assert_eq!(shortened("Heart failure", 13), "Heart failure");
        assert_eq!(shortened("Heart failure", 12), "Heart failu…");
        assert_eq!(shortened("Heart failure", 7), "Heart…");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(-0.0004), "0.000");
        assert_eq!(number(-0.25), "−0.250");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((percent(0.0312).as_str(), percent(0.0012).as_str()), ("3.1\u{a0}%", "0.12\u{a0}%"));
        let said = [0.0, 0.5, 1.0, 7.0, 90.0, 365.0, 365.25, 730.5, 3652.5, 395.25].map(horizon);
        let want = [
            "12 hours",
            "1 day",
            "7 days",
            "90 days",
            "1 year",
            "1 year",
            "2 years",
            "10 years",
            "395.2 days",
        ];
        assert_eq!(said[0], None);
        for (said, want) in said[1..].iter().zip(want) {
            assert_eq!(said.as_deref(), Some(want));
        }
    }
}
