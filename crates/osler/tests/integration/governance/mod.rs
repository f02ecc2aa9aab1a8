//! The server as a site runs it: keys, ledger, lifecycle.

mod cluster;
mod database;
mod dead;
mod inputs;
mod keys;
mod killed;
mod leash;
mod server;

pub use server::Server;

use crate::support::Site;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A small model, with the predictions and the report of its demo, made once for all these tests. It lies beside the
/// test program, so that the next run replaces it.
pub fn demo(name: &str) -> String {
    static DEMO: OnceLock<PathBuf> = OnceLock::new();
    let demo = DEMO.get_or_init(|| {
        let demo = Path::new(env!("CARGO_TARGET_TMPDIR")).join("governance-demo");
        Site::new()
            .succeed(&format!("demo --subjects 120 --max-steps 5 --no-serve --out {}", demo.display()));
        demo
    });
    demo.join(name).display().to_string()
}

fn model() -> String {
    demo("model")
}

/// A record as `/v1/risk` takes it.
const RECORD: &str = r#"{"events":[{"code":"GENDER//F"},{"time":"1950-05-01","code":"MEDS_BIRTH"},
    {"time":"2019-03-04T09:30:00","code":"LOINC//4548-4","numeric_value":7.9,"unit":"%"}]}"#;

/// Standard output of a command that must succeed.
#[track_caller]
fn said(site: &Site, line: &str) -> String {
    String::from_utf8(site.succeed(line).stdout).unwrap().trim().to_owned()
}
