//! Texts with the strings that must go, in the formats they are published in.

use serde_json::Value;
use std::ops::Range;

/// A text, and what must go, by type, in bytes.
pub struct Labelled {
    /// Its number in the file.
    pub index: u64,
    pub text: String,
    pub spans: Vec<(Range<usize>, String)>,
}

/// Reads `===QUERY===`/`===PHI_TAGS===` blocks (ASQ-PHI), Presidio Research's JSON, or JSON lines of
/// `{"text","spans":[{"start","end","type"}]}` with offsets in characters, as `osler deid text` writes them.
pub fn read(file: &str) -> Result<Vec<Labelled>, String> {
    let trimmed = file.trim_start();
    match trimmed.as_bytes().first() {
        Some(b'=') => asq(file),
        Some(b'[') => {
            let all: Vec<Value> = serde_json::from_str(trimmed).map_err(|e| e.to_string())?;
            all.iter()
                .enumerate()
                .map(|(index, one)| {
                    object(index, one, "full_text", ["start_position", "end_position", "entity_type"])
                })
                .collect()
        }
        _ => file
            .lines()
            .filter(|line| !line.trim().is_empty())
            .enumerate()
            .map(|(index, line)| {
                let one: Value =
                    serde_json::from_str(line).map_err(|e| format!("line {}: {e}", index + 1))?;
                object(index, &one, "text", ["start", "end", "type"])
            })
            .collect(),
    }
}

fn asq(file: &str) -> Result<Vec<Labelled>, String> {
    file.split("===QUERY===")
        .skip(1)
        .enumerate()
        .map(|(index, block)| {
            let (text, tags) =
                block.split_once("===PHI_TAGS===").ok_or(format!("query {index}: no PHI_TAGS"))?;
            let text = text.trim().to_owned();
            let mut spans = Vec::new();
            for line in tags.lines().filter(|line| !line.trim().is_empty()) {
                let tag: Value = serde_json::from_str(line).map_err(|e| format!("query {index}: {e}"))?;
                let (value, kind) = (
                    tag["value"].as_str().unwrap_or_default(),
                    tag["identifier_type"].as_str().unwrap_or_default(),
                );
                // The label is a string: its first place is what is meant.
                let at = text
                    .find(value)
                    .filter(|_| !value.is_empty())
                    .ok_or(format!("query {index}: a value isn't in the text"))?;
                spans.push((at..at + value.len(), kind.to_owned()));
            }
            Ok(Labelled { index: index as u64, text, spans })
        })
        .collect()
}

fn object(index: usize, one: &Value, text: &str, [start, end, kind]: [&str; 3]) -> Result<Labelled, String> {
    let text = one[text].as_str().ok_or(format!("object {index}: no text"))?.to_owned();
    let byte = |at: &Value| {
        let at = at.as_u64()? as usize;
        text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(at)
    };
    let spans = one["spans"].as_array().into_iter().flatten().map(|span| {
        let range = byte(&span[start])
            .zip(byte(&span[end]))
            .ok_or(format!("object {index}: a span outside the text"))?;
        Ok((range.0..range.1, span[kind].as_str().unwrap_or_default().to_owned()))
    });
    let spans = spans.collect::<Result<Vec<_>, String>>()?;
    Ok(Labelled { index: index as u64, spans, text })
}

/// Whether a text is in the half that rules were written by; the other was looked at twice.
pub fn is_development(index: u64) -> bool {
    let mut hash = index.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x0123_4567);
    hash ^= hash >> 31;
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^= hash >> 29;
    hash & 1 == 0
}
