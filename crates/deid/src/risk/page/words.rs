//! Numbers as a reader wants them.

/// Text made safe inside elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole number with thin spaces between thousands.
pub(super) fn count(value: u64) -> String {
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

/// A count that may be suppressed.
pub(super) fn shown(count_: Option<u64>, threshold: u32) -> String {
    count_.map_or_else(|| format!("fewer than {threshold}"), count)
}

/// A share as a percentage; never 0 % or 100 % for what isn't none or all.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let text = if value > 0.0 && value < 0.01 {
        "< 0.01".to_owned()
    } else if value < 100.0 && value > 99.99 {
        "> 99.99".to_owned()
    } else {
        let places =
            if value == 0.0 || value == 100.0 { 0 } else { 1 + usize::from(!(1.0..=99.0).contains(&value)) };
        format!("{value:.places$}")
    };
    format!("{text}\u{a0}%")
}

/// Names as `a, b and c`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A column's name in running text: `birth-year:5` is `birth year (5-year bands)`.
pub(super) fn column(name: &str) -> String {
    match name.split_once(':') {
        Some((name, band)) => format!("{} ({band}-year bands)", name.replace('-', " ")),
        None if name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()) => {
            match name {
                "zip" => "ZIP code".to_owned(),
                "zip3" => "three-digit ZIP".to_owned(),
                name => name.replace('-', " "),
            }
        }
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_read_well() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        let said = [0.0, 0.00001, 0.004, 0.256, 0.9987, 0.99999, 1.0].map(percent);
        let want = ["0", "< 0.01", "0.40", "25.6", "99.87", "> 99.99", "100"].map(|p| format!("{p}\u{a0}%"));
        assert_eq!(said, want);
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(column("birth-year:5"), "birth year (5-year bands)");
        assert_eq!((column("zip3").as_str(), column("PAYER").as_str()), ("three-digit ZIP", "PAYER"));
        assert_eq!(escape("<a b='c'>&"), "&lt;a b=&#39;c&#39;&gt;&amp;");
    }
}
