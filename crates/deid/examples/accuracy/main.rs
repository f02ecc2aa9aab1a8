//! How much the finder finds in labelled texts of your own:
//!
//! ```text
//! cargo run --release -p deid --example accuracy -- FILE [--half development|held-out] [--json] [--missed]
//! ```
//!
//! FILE is ASQ-PHI's, Presidio Research's, or JSON lines of `{"text","spans":[{"start","end","type"}]}` with offsets
//! in characters. `--missed` prints what was missed, which is identified data if the file is.

mod labelled;
mod score;

use score::{Count, Score, wilson};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let at = arguments.iter().position(|a| a == name);
        at.map(|at| arguments.remove(at)).is_some()
    };
    let (json, missed, half) = (flag("--json"), flag("--missed"), flag("--half"));
    let [file, rest @ ..] = &arguments[..] else {
        eprintln!("usage: accuracy FILE [--half development|held-out] [--json] [--missed]");
        return ExitCode::FAILURE;
    };
    let wanted = rest.first().map(String::as_str).filter(|_| half);
    let texts =
        match std::fs::read_to_string(file).map_err(|e| e.to_string()).and_then(|file| labelled::read(&file))
        {
            Ok(texts) => texts,
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::FAILURE;
            }
        };
    let chosen = texts.iter().filter(|text| match wanted {
        Some("development") => labelled::is_development(text.index),
        Some("held-out") => !labelled::is_development(text.index),
        _ => true,
    });
    let finder = deid::text::Finder::shipped();
    let score = score::score(&finder, chosen, |labelled, kind, value| {
        if missed {
            println!("{}\t{kind}\t{value:?}\t{:?}", labelled.index, labelled.text);
        }
    });
    match json {
        true => println!("{}", as_json(&score)),
        false => print_table(&score),
    }
    ExitCode::SUCCESS
}

fn rate(hits: u64, n: u64) -> String {
    let (low, high) = wilson(hits, n);
    format!("{:5.1} % [{:.1}, {:.1}]", 100.0 * hits as f64 / n.max(1) as f64, 100.0 * low, 100.0 * high)
}

fn print_table(score: &Score) {
    println!("| type | n | whole | any |\n|---|---|---|---|");
    let line = |name: &str, c: &Count| {
        println!("| {name} | {} | {} | {} |", c.total, rate(c.whole, c.total), rate(c.any, c.total))
    };
    for (name, count) in &score.types {
        line(name, count);
    }
    line("all", &score.sum());
    println!(
        "\ntexts without identifiers where something was found: {} of {}: {}",
        score.alarmed,
        score.clean,
        rate(score.alarmed, score.clean)
    );
    println!(
        "false spans in them: {:.2} per 1,000 words",
        1000.0 * score.clean_spans as f64 / score.clean_words.max(1) as f64
    );
    println!(
        "words outside labels that are touched: {} of {}: {}",
        score.other_touched,
        score.other_words,
        rate(score.other_touched, score.other_words)
    );
}

fn as_json(score: &Score) -> serde_json::Value {
    let count = |c: &Count| serde_json::json!({"n": c.total, "whole": c.whole, "any": c.any, "whole_interval": wilson(c.whole, c.total), "any_interval": wilson(c.any, c.total)});
    let types: serde_json::Map<_, _> = score.types.iter().map(|(name, c)| (name.clone(), count(c))).collect();
    serde_json::json!({
        "types": types, "all": count(&score.sum()),
        "clean_texts": score.clean, "alarmed_texts": score.alarmed,
        "clean_words": score.clean_words, "clean_spans": score.clean_spans,
        "other_words": score.other_words, "other_touched": score.other_touched,
    })
}
