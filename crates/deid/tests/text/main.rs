//! Identifiers in text: traps by hand, properties of any text, and labelled sets that nobody here wrote.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "the example chooses halves")]
#[path = "../../examples/accuracy/labelled.rs"]
mod labelled;
#[allow(dead_code, reason = "the example prints more than the tests hold")]
#[path = "../../examples/accuracy/score.rs"]
mod score;

mod accuracy;
mod properties;
mod traps;

use deid::text::Finder;
use std::sync::LazyLock;

static FINDER: LazyLock<Finder> = LazyLock::new(Finder::shipped);
