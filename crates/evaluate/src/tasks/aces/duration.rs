//! Lengths of time as ACES writes them: `24h`, `3 days`, `1w 2d`, `1:30:00`, read as Python's pytimeparse does.

/// Microseconds of an unsigned length of time; `None` when it isn't one.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    let seconds = if text.contains(':') { clock(&text)? } else { units(&text)? };
    let micros = (seconds * 1e6).round();
    (micros < 9e15).then_some(micros as i64)
}

const UNITS: [(&[&str], f64); 5] = [
    (&["w", "wk", "wks", "week", "weeks"], 604_800.0),
    (&["d", "dy", "dys", "day", "days"], 86_400.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["s", "sec", "secs", "second", "seconds"], 1.0),
];

/// Numbers with units, the larger unit first, separated by nothing, spaces, `,` or `/`.
fn units(text: &str) -> Option<f64> {
    let (mut rest, mut seconds, mut next) = (text, 0.0, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = UNITS.iter().position(|(names, _)| names.contains(&&after[..letters]))?;
        if unit < next {
            return None;
        }
        // As pytimeparse: fractions of larger units are cut to whole seconds.
        let of_unit = number * UNITS[unit].1;
        seconds += if unit < 4 { of_unit.trunc() } else { of_unit };
        next = unit + 1;
        let mut tail = after[letters..].trim_start();
        if let Some(separated) = tail.strip_prefix([',', '/']) {
            tail = separated.trim_start();
            if tail.is_empty() {
                return None;
            }
        }
        rest = tail;
    }
    Some(seconds)
}

/// `MM:SS`, `HH:MM:SS`, or `:SS`.
fn clock(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let whole = |part: &str| -> Option<f64> {
        (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (leading, seconds) = parts.split_last().map(|(last, rest)| (rest, *last))?;
    let integer = seconds.split('.').next()?;
    if integer.len() != 2 || !integer.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds: f64 = seconds.parse().ok()?;
    match leading {
        [""] => Some(seconds),
        [minutes] if minutes.len() <= 2 => Some(whole(minutes)? * 60.0 + seconds),
        [hours, minutes] if minutes.len() == 2 => {
            Some(whole(hours)? * 3_600.0 + whole(minutes)? * 60.0 + seconds)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_pytimeparses() {
        let seconds = |text| parse(text).map(|micros| micros as f64 / 1e6);
        for (text, want) in [
            ("24h", 86_400.0),
            ("30 days", 2_592_000.0),
            ("1w 2d", 777_600.0),
            ("2h32m", 9_120.0),
            ("5 hrs, 34 mins, 56 secs", 20_096.0),
            ("1.5 days", 129_600.0),
            ("1:24", 84.0),
            ("4:13:02", 15_182.0),
            (":22", 22.0),
            ("1.25s", 1.25),
            ("2D", 172_800.0),
        ] {
            assert_eq!(seconds(text), Some(want), "{text}");
        }
        for text in
            ["", "h", "3 fortnights", "1 year", "2d 1w", "1d 2d", "1..2h", "invalid time string.", "12"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
