//! The server as a site runs it: keys, ledger, lifecycle.

mod keys;
mod killed;
mod leash;
mod server;

use crate::support::Site;
use std::sync::OnceLock;

/// A small model, made once for all these tests, with the predictions and the report of its demo.
fn demo() -> &'static Site {
    static DEMO: OnceLock<Site> = OnceLock::new();
    DEMO.get_or_init(|| {
        let site = Site::new();
        site.succeed("demo --subjects 120 --max-steps 5 --no-serve --out demo");
        site
    })
}

fn model() -> String {
    demo().path("demo/model").display().to_string()
}

/// A record as `/v1/risk` takes it.
const RECORD: &str = r#"{"events":[{"code":"GENDER//F"},{"time":"1950-05-01","code":"MEDS_BIRTH"},
    {"time":"2019-03-04T09:30:00","code":"LOINC//4548-4","numeric_value":7.9,"unit":"%"}]}"#;

/// Standard output of a command that must succeed.
#[track_caller]
fn said(site: &Site, line: &str) -> String {
    String::from_utf8(site.succeed(line).stdout).unwrap().trim().to_owned()
}
