//! What holds of a ledger in PostgreSQL alone: how it is reached, and whose it is.

use super::{
    check_in,
    places::{Place, address, database},
    record, write_to,
};
use crate::{
    Error, SigningKey,
    ledger::{DatabaseAddress, PostgresStore, Store},
};
use postgres::{Client, NoTls};

fn in_database() -> Option<(Place, String)> {
    let place = Place::in_database(&database()?);
    let Place::Database { url, .. } = &place else { unreachable!() };
    let url = url.clone();
    Some((place, url))
}

fn line(name: &str) -> [String; 1] {
    [serde_json::to_string(&record(name)).unwrap()]
}

#[test]
fn a_database_elsewhere_is_not_reached_in_the_clear_unawares_and_no_error_tells_the_password() {
    let refused = |url: &str| {
        let error = DatabaseAddress::new(url, &[]).and_then(PostgresStore::open).err().unwrap();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("canary"), "{said}");
        error.to_string()
    };
    for url in [
        "postgresql://osler:canary@192.0.2.1/osler",
        "postgresql://osler:canary@db.example/osler",
        "postgresql://osler:canary@db.example/osler?sslmode=require",
        "postgresql://osler:canary@localhost/osler?hostaddr=192.0.2.1",
        "postgresql://osler:canary@127.0.0.1/osler?sslmode=require",
    ] {
        assert!(refused(url).contains("TLS"), "{url}");
    }
    for url in ["mysql://osler:canary@x/y", "postgresql://osler:canary@127.0.0.1/osler?canary=1", "canary"] {
        assert!(refused(url).contains("can't be read"), "{url}");
    }
    assert!(refused("postgresql://osler:canary@127.0.0.1:1/osler").contains("no connection: "));
    let error =
        DatabaseAddress::new("postgresql://osler@db.example/osler", b"-----BEGIN CERTIFICATE-----\nx");
    assert!(error.err().unwrap().to_string().contains("PEM"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests are told where a database is, and whom it may be")]
fn a_connection_by_tls_is_one_to_whom_is_trusted() {
    let Some((place, url)) = in_database() else { return };
    let Some(roots) = std::env::var_os("OSLER_TEST_POSTGRES_ROOTS") else {
        assert!(std::env::var_os("CI").is_none(), "set OSLER_TEST_POSTGRES_ROOTS");
        return eprintln!("skipped: no certificate (set OSLER_TEST_POSTGRES_ROOTS)");
    };
    let roots = std::fs::read(roots).unwrap();
    let url = format!("{url}&sslmode=require");
    let mut store = PostgresStore::open(DatabaseAddress::new(&url, &roots).unwrap()).unwrap();
    store.append(&line("by TLS")).unwrap();
    let mut plain = Client::connect(&url.replace("&sslmode=require", "&sslmode=disable"), NoTls).unwrap();
    let encrypted: i64 = plain
        .query_one(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'osler'",
            &[],
        )
        .unwrap()
        .get(0);
    assert!(encrypted > 0, "the connection isn't encrypted");
    let another = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap().cert.pem();
    let error = PostgresStore::open(DatabaseAddress::new(&url, another.as_bytes()).unwrap()).err().unwrap();
    assert!(error.to_string().contains("certificate"), "{error}");
    drop(place);
}

#[test]
fn looking_at_a_ledger_begins_none() {
    let Some((_place, url)) = in_database() else { return };
    assert!(PostgresStore::open_to_read(address(&url)).unwrap().is_none());
    assert!(PostgresStore::open_to_read(address(&url)).unwrap().is_none());
    PostgresStore::open(address(&url)).unwrap();
    let mut reader = PostgresStore::open_to_read(address(&url)).unwrap().unwrap();
    let error = reader.append(&line("no")).unwrap_err().to_string();
    assert!(error.contains("25006"), "a reader can't write: {error}");
}

#[test]
fn an_account_that_may_only_read_and_add_is_enough_and_cannot_change() {
    let Some((place, url)) = in_database() else { return };
    let Place::Database { schema, .. } = &place else { unreachable!() };
    PostgresStore::open(address(&url)).unwrap();
    let mut owner = Client::connect(&url, NoTls).unwrap();
    owner
        .batch_execute(&format!(
            "CREATE ROLE {schema}_server LOGIN; GRANT USAGE ON SCHEMA {schema} TO {schema}_server;
             GRANT SELECT ON osler_ledger TO {schema}_server;
             GRANT SELECT, INSERT ON osler_entries, osler_checkpoints TO {schema}_server;
             GRANT USAGE ON SEQUENCE osler_checkpoints_place_seq TO {schema}_server"
        ))
        .unwrap();
    let user = owner.query_one("SELECT current_user::text", &[]).unwrap().get::<_, String>(0);
    let server = url.replacen(&format!("{user}@"), &format!("{schema}_server@"), 1);
    assert_ne!(server, url, "OSLER_TEST_POSTGRES names no user");
    write_to(
        Box::new(PostgresStore::open(address(&server)).unwrap()),
        SigningKey::new().unwrap(),
        &["a", "b", "c"],
    );
    let verified = check_in(&place).unwrap();
    assert_eq!((verified.entries, verified.checkpoints), (3, 1));
    let mut client = Client::connect(&server, NoTls).unwrap();
    for sql in [
        "DROP TRIGGER osler_entries_stay ON osler_entries",
        "DELETE FROM osler_entries",
        "TRUNCATE osler_entries",
    ] {
        let error = client.batch_execute(sql).unwrap_err();
        assert!(["42501"].contains(&error.code().unwrap().code()), "{sql}: {error:?}");
    }
    drop(client);
    owner.batch_execute(&format!("DROP OWNED BY {schema}_server; DROP ROLE {schema}_server")).unwrap();
}

#[test]
fn a_database_that_was_set_back_is_not_gone_on_with() {
    let Some((place, url)) = in_database() else { return };
    let mut store = PostgresStore::open(address(&url)).unwrap();
    for name in ["a", "b", "c"] {
        store.append(&line(name)).unwrap();
    }
    place.tamper("DELETE FROM entries WHERE sequence = 3");
    for _ in 0..2 {
        let error = store.append(&line("d")).unwrap_err();
        assert!(
            matches!(error, Error::LedgerChanged { .. }) && error.to_string().contains("ends at entry 2"),
            "{error}"
        );
    }
    assert_eq!(check_in(&place).unwrap().entries, 2, "nothing was added");
    // Another end of the same length is no better.
    PostgresStore::open(address(&url)).unwrap().append(&line("another")).unwrap();
    assert!(store.append(&line("d")).unwrap_err().to_string().contains("set back"));
    // Nor is a longer one.
    PostgresStore::open(address(&url)).unwrap().append(&line("longer")).unwrap();
    assert!(store.append(&line("d")).unwrap_err().to_string().contains("set back"));
    // What others add is no setting back.
    let mut other = PostgresStore::open(address(&url)).unwrap();
    other.append(&line("e")).unwrap();
    PostgresStore::open(address(&url)).unwrap().append(&line("f")).unwrap();
    other.append(&line("g")).unwrap();
    assert_eq!(check_in(&place).unwrap().entries, 7);
}

#[test]
fn a_writer_that_passes_the_lock_by_forks_nothing() {
    let Some((place, url)) = in_database() else { return };
    let mut store = PostgresStore::open(address(&url)).unwrap();
    store.append(&line("a")).unwrap();
    let again =
        place.change("INSERT INTO entries SELECT sequence, digest, record FROM entries WHERE sequence = 1");
    assert!(again.unwrap_err().contains("duplicate key"));
    store.append(&line("b")).unwrap();
    assert_eq!(check_in(&place).unwrap().entries, 2);
}
