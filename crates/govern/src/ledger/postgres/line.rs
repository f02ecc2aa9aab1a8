//! The connection to a database: made anew when it was lost, and never waited for without an end.

use super::address::DatabaseAddress;
use crate::Error;
use std::{
    cell::RefCell,
    collections::HashMap,
    error::Error as _,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_postgres::{Client, Statement};

/// A connection that rested longer is tried before anything is trusted to it: the server may have been started anew meanwhile.
const RESTED: Duration = Duration::from_secs(1);

/// A connection that lasts.
pub(super) struct Line {
    address: DatabaseAddress,
    /// How long a question may take, a lost connection being made anew included.
    patience: Duration,
    /// A statement that every new connection begins with.
    settings: String,
    runtime: Runtime,
    open: RefCell<Option<Open>>,
}

/// A connection, with the statements that it knows.
pub(super) struct Open {
    pub(super) client: Client,
    statements: HashMap<&'static str, Statement>,
    used: Instant,
}

impl Open {
    /// A statement, prepared once a connection.
    pub(super) async fn statement(&mut self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

impl Line {
    /// Nothing is opened yet.
    pub(super) fn new(address: DatabaseAddress, patience: Duration, settings: &str) -> Result<Self, Error> {
        let patience_ms = patience.as_millis();
        let settings = format!(
            "SET statement_timeout = {patience_ms}; SET lock_timeout = {patience_ms}; \
             SET idle_in_transaction_session_timeout = {patience_ms}; SET client_min_messages = warning; {settings}"
        );
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|source| Error::Io {
            what: "no connection can be made to the ledger's database",
            source,
        })?;
        Ok(Line { address, patience, settings, runtime, open: RefCell::default() })
    }

    /// Asks something, on a new connection where the last was lost. One on which something failed isn't used again: nobody knows
    /// what it still has to say.
    pub(super) fn ask<T>(
        &self,
        what: &'static str,
        ask: impl AsyncFnOnce(&mut Open) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let kept = self.open.borrow_mut().take();
        let asking = async {
            let mut open = match usable(kept).await {
                Some(open) => open,
                None => self.connect().await?,
            };
            let answer = ask(&mut open).await?;
            open.used = Instant::now();
            Ok((answer, open))
        };
        let asked = self.runtime.block_on(async { timeout(self.patience, asking).await });
        let late =
            || Error::Database { what, reason: format!("no answer within {} s", self.patience.as_secs()) };
        let (answer, open) =
            asked.map_err(|_| late())?.map_err(|error| Error::Database { what, reason: kind_of(&error) })?;
        *self.open.borrow_mut() = Some(open);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Open, tokio_postgres::Error> {
        let (client, connection) = self.address.config.connect(self.address.tls.clone()).await?;
        // It ends with the client, and tells it of whatever fails.
        drop(tokio::spawn(async move { drop(connection.await) }));
        client.batch_execute(&self.settings).await?;
        Ok(Open { client, statements: HashMap::new(), used: Instant::now() })
    }
}

/// The connection that there is, if it still leads somewhere.
async fn usable(kept: Option<Open>) -> Option<Open> {
    let open = kept.filter(|open| !open.client.is_closed())?;
    if open.used.elapsed() < RESTED {
        return Some(open);
    }
    open.client.check_connection().await.is_ok().then_some(open)
}

/// What a database says may repeat what it was sent, so that of its words the kind alone is told. What the system and TLS say of a
/// connection repeats nothing.
fn kind_of(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} {}", said.severity(), said.code().code());
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>() {
            return format!("no connection: {cause}");
        }
        source = cause.source();
    }
    if error.is_closed() { "the connection was lost".to_owned() } else { "the connection failed".to_owned() }
}
