//! Anonymity of a table read from standard input, as JSON, for comparison with other software. The last column is the
//! sensitive value, the others are quasi-identifiers; a column of whole numbers is ordered.
//!
//! `cargo run -p deid --example anonymity < table.csv`

use deid::risk::{Classes, diversity, equal_distance, linkage, ordered_distance};
use std::collections::BTreeSet;
use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let width = rows.first().ok_or("there are no rows")?.len();
    let mut columns: Vec<Vec<u32>> = (0..width).map(|i| numbered(rows.iter().map(|row| row[i]))).collect();
    let sensitive = columns.pop().ok_or("there are no columns")?;
    let classes = Classes::new(rows.len(), columns.iter().map(Vec::as_slice));
    let most = |distances: Vec<f64>| distances.into_iter().fold(0.0, f64::max);
    let below = [2, 5, 11, 20].map(|k| classes.subjects_below(k));
    println!(
        "{}",
        serde_json::json!({
            "k": classes.smallest(),
            "classes": classes.sizes().len(),
            "below": below,
            "diversity": diversity(&classes, &sensitive),
            "t_equal": most(equal_distance(&classes, &sensitive)),
            "t_ordered": most(ordered_distance(&classes, &sensitive)),
            "linkage": linkage(&classes, None),
        })
    );
    Ok(())
}

/// Values by their rank: numbers in their order, other words in theirs.
fn numbered<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Vec<u32> {
    let key = |value: &'a str| (value.parse::<i64>().unwrap_or(i64::MAX), value);
    let ranks: Vec<_> = values.clone().map(key).collect::<BTreeSet<_>>().into_iter().collect();
    values.map(|value| ranks.binary_search(&key(value)).map_or(0, |rank| rank as u32)).collect()
}
