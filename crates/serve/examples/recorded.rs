//! The doors over a stand-in for a model, with every call on record: what the ledger costs, without a model's time. Read by
//! `docs/lab/scripts/ledger_cost.py`.
//!
//! ```text
//! cargo run -p serve --example recorded ADDRESS none
//! cargo run -p serve --example recorded ADDRESS DIR/ledger.db [INPUTS RECIPIENTS]
//! cargo run -p serve --example recorded ADDRESS postgres://… [INPUTS RECIPIENTS]
//! ```

#![allow(clippy::unwrap_used, reason = "a lock that no panic can poison here")]
#[path = "../tests/doors/fake.rs"]
mod fake;

use govern::{
    SigningKey,
    inputs::{InputBounds, Inputs},
    ledger::{DatabaseAddress, Ledger, LedgerSettings, PostgresStore, SqliteStore, Store},
};
use std::{path::Path, sync::Arc, time::SystemTime};

fn now() -> events::Time {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    events::Time::from_micros(since.as_micros() as i64)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, place) = match &arguments[..] {
        [address, place, ..] => (address, place),
        _ => return Err("give an address and a ledger; see this file".into()),
    };
    let mut governance = serve::Governance::open(Arc::new(now));
    if place != "none" {
        let store: Box<dyn Store> = match place.starts_with("postgres") {
            true => Box::new(PostgresStore::open(DatabaseAddress::new(place, &[])?)?),
            false => Box::new(SqliteStore::open(Path::new(place))?),
        };
        let ledger = Ledger::start(store, SigningKey::new()?, Arc::new(now), LedgerSettings::default())?;
        governance = governance.with_ledger(ledger);
    }
    if let [_, _, inputs, recipients] = &arguments[..] {
        let recipients = std::fs::read_to_string(recipients)?;
        governance = governance.with_inputs(Inputs::open(
            Path::new(inputs),
            &recipients,
            InputBounds::default(),
            Arc::new(now),
        )?);
    }
    let predictor = Arc::new(fake::FakePredictor::default());
    let state = serve::AppState::new(predictor, governance, serve::ServeSettings::default())?;
    // Only now: the way to a database has a runtime of its own.
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!("http://{}", listener.local_addr()?);
        let interrupted = async {
            // Without a handler for signals the process ends all the same.
            let _ = tokio::signal::ctrl_c().await;
        };
        Ok(serve::serve(listener, state, interrupted).await?)
    })
}
