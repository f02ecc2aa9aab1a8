use super::{RECORD, said, server::Server};
use crate::support::Site;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

/// The public key of an issuer, by another name than the token's.
const KEY: &str = include_str!("../../../../govern/src/access/testkeys/rsa2048.jwk.json");

#[test]
fn keys_are_granted_used_rotated_and_revoked_while_the_server_runs() {
    let site = Site::new();
    let key = said(&site, "access grant --governance site --name app --scope predict --trial");
    let reader = said(&site, "access grant --governance site --name reader --scope read");
    let server = Server::start(&site, &["--governance", "site"]);
    assert_eq!(server.post("/v1/risk", &key, RECORD).status, 200);
    assert_eq!(server.post("/v1/risk", &reader, RECORD).body["error"]["code"], "wrong_scope");
    assert_eq!(server.get("/v1/models", &reader).status, 200);
    assert_eq!(server.get("/v1/models", "").body["error"]["code"], "unauthorized");
    assert_eq!(server.get("/health/ready", "").status, 200);
    let id = key.split('_').nth(1).unwrap();
    let new: Value = serde_json::from_str(&said(
        &site,
        &format!("access rotate {id} --overlap 0m --json --governance site"),
    ))
    .unwrap();
    assert_eq!(server.post("/v1/risk", &key, RECORD).body["error"]["code"], "key_refused");
    let secret = new["secret"].as_str().unwrap();
    assert_eq!(server.post("/v1/risk", secret, RECORD).status, 200);
    said(&site, &format!("access revoke {} --governance site", new["id"].as_str().unwrap()));
    assert_eq!(server.post("/v1/risk", secret, RECORD).body["error"]["code"], "key_refused");
    let listed = said(&site, "access list --governance site");
    assert!(
        listed.contains("expired") && listed.contains("revoked") && listed.contains("reader"),
        "{listed}"
    );
    // The secrets are nowhere on disk.
    drop(server);
    for file in site.all_files() {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [&key, secret, &reader] {
            let secret = secret.rsplit('_').next().unwrap().as_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
        }
    }
    let shown = said(&site, "ledger show --governance site");
    let kinds: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["record"]["kind"].clone())
        .collect();
    assert_eq!(kinds, ["access", "access", "call", "access", "call", "access"]);
}

#[test]
fn where_the_ledger_is_away_no_key_is_made_or_rotated_and_one_that_is_revoked_is_shut() {
    let site = Site::new();
    let key = said(&site, "access grant --governance site --name app --scope predict");
    let id = key.split('_').nth(1).unwrap();
    let listed = || said(&site, "access list --governance site");
    let before = listed();
    // Something else lies where it should be.
    let (ledger, kept) = (site.path("site/ledger.db"), site.path("kept.db"));
    let away = || {
        fs::rename(&ledger, &kept).unwrap();
        fs::create_dir(&ledger).unwrap();
    };
    let back = || {
        fs::remove_dir(&ledger).unwrap();
        fs::rename(&kept, &ledger).unwrap();
    };
    away();
    site.fail(&format!("access rotate {id} --overlap 0m --governance site"));
    site.fail("access grant --governance site --name other --scope predict");
    assert_eq!(listed(), before);
    let told = site.fail(&format!("access revoke {id} --governance site"));
    assert!(told.contains("opens nothing any more, and that isn't on record yet"), "{told}");
    assert!(listed().contains("revoked"));
    back();
    said(&site, &format!("access revoke {id} --governance site"));
    let shown = said(&site, "ledger show --governance site");
    let changes: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["record"]["change"].clone())
        .collect();
    assert_eq!(changes, ["granted", "revoked"]);
}

#[test]
fn what_others_could_write_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(site.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    said(&site, "access grant --governance site --name app --scope predict");
    assert_eq!(fs::metadata(site.path("site")).unwrap().permissions().mode() & 0o777, 0o700);
    fs::create_dir(site.path("site/models")).unwrap();
    for name in [
        "",
        "/policy.toml",
        "/oidc.toml",
        "/oidc.ca.pem",
        "/issuers.toml",
        "/used_tokens.db",
        "/ledger.ca.pem",
        "/access.db",
        "/models",
    ] {
        let name = format!("site{name}");
        if !site.path(&name).exists() {
            site.file(&name, "");
        }
        let before = fs::metadata(site.path(&name)).unwrap().permissions().mode() & 0o755;
        for others in [0o020, 0o002] {
            mode(&name, before | others);
            let serve = format!("serve --model {} --governance site --listen 127.0.0.1:0", super::model());
            for command in [serve.as_str(), "access list --governance site"] {
                let refused = site.fail(command);
                let named = refused.contains(&format!("{name} can be written by others"));
                assert!(named && refused.contains("chmod go-w"), "{refused}");
            }
        }
        mode(&name, before);
        said(&site, "access list --governance site");
    }
    // A key set that lies elsewhere.
    fs::remove_file(site.path("site/issuers.toml")).unwrap();
    site.file("keys/set.json", r#"{"keys":[]}"#);
    let named = site.path("keys/set.json").display().to_string();
    site.file(
        "site/oidc.toml",
        format!("[[issuer]]\niss = \"https://a.example\"\naud = \"osler\"\njwks = \"{named}\"\n[roles.clinician]\nscopes = [\"cds\"]\n"),
    );
    mode("keys/set.json", 0o646);
    let serve = format!("serve --model {} --governance site --listen 127.0.0.1:0", super::model());
    let refused = site.fail(&serve);
    assert!(refused.contains("set.json") && refused.contains("can be written by others"), "{refused}");
}

#[test]
fn a_server_that_others_can_reach_needs_keys() {
    let site = Site::new();
    let said = site.fail(&format!("serve --model {} --listen 0.0.0.0:0", super::model()));
    assert!(said.contains("--governance"), "{said}");
    assert!(site.fail("access list --governance site").contains("no governance directory"));
    assert!(site.fail("access grant --governance . --name a --scope read").contains("something else"));
    assert!(site.fail("access grant --name a --scope read").contains("--governance DIR"));
    assert!(site.fail("access grant --governance site --name a --scope everything").contains("predict"));
}

#[test]
fn an_identity_provider_that_is_named_badly_is_told_before_the_server_starts() {
    let site = Site::new();
    let issuer = "[[issuer]]\niss = \"https://a.example\"\naud = \"osler\"\njwks = ";
    let role = "[roles.clinician]\nscopes = [\"cds\"]\n";
    for (file, named) in [
        (format!("{issuer}\"keys.json\"\n{role}"), "keys.json isn't there"),
        (format!("{issuer}\"http://a.example/keys\"\n{role}"), "jwks must be an https address"),
        (format!("{issuer}\"https://a.example/keys\"\n"), "no role opens anything"),
    ] {
        site.file("site/oidc.toml", file);
        let line = format!("serve --model {} --governance site --listen 127.0.0.1:0", super::model());
        let said = site.fail(&line);
        assert!(said.contains(named) && said.contains("oidc.toml"), "{said}");
    }
}

/// A token for CDS Hooks that nobody signed, of the same issuer.
const HOOK_TOKEN: &str = "eyJhbGciOiJSUzM4NCIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsImF1ZCI6IngiLCJleHAiOjksImlhdCI6MSwianRpIjoiaiJ9.AAAA";

/// An open server's log, until these words are in it once more after SIGHUP.
fn told(server: &Server, log: &Path, words: &str) {
    let before = fs::read_to_string(log).unwrap().matches(words).count();
    server.hang_up();
    let end = Instant::now() + Duration::from_secs(60);
    while fs::read_to_string(log).unwrap().matches(words).count() == before {
        assert!(Instant::now() < end, "{}", fs::read_to_string(log).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn who_may_sign_for_cds_hooks_is_read_anew_when_the_server_is_told_to() {
    let site = Site::new();
    said(&site, "access grant --governance site --name reader --scope read");
    let log = site.path("log");
    let server = Server::start_logging(&site, &["--governance", "site"], File::create(&log).unwrap());
    let refused = || {
        let answer = server.post("/cds-services/osler-patient-view", HOOK_TOKEN, "{}");
        assert_eq!(answer.status, 401, "{}", answer.body);
        answer.body["error"]["message"].to_string()
    };
    let unknown = refused();
    site.file("site/ehr.json", format!("{{\"keys\": [{KEY}]}}"));
    let file = "audience = \"https://osler.example\"\n[[issuer]]\niss = \"https://a.example\"\njwks = \"ehr.json\"\n";
    site.file("site/issuers.toml", file);
    told(&server, &log, "issuers.toml was read anew");
    let named = refused();
    assert!(named.contains("(kid)"), "{named}");
    // A broken file changes nothing; another issuer, and none, do.
    site.file("site/issuers.toml", file.replace("ehr.json", "gone.json"));
    told(&server, &log, "issuers.toml: who was believed before");
    assert_eq!(refused(), named);
    site.file("site/issuers.toml", file.replace("a.example", "b.example"));
    told(&server, &log, "issuers.toml was read anew");
    let listed = refused();
    assert!(listed.contains("issuer is not on this server's list"), "{listed}");
    fs::remove_file(site.path("site/issuers.toml")).unwrap();
    told(&server, &log, "issuers.toml was read anew");
    assert_eq!(refused(), unknown);
}

/// A token that nobody signed, of this issuer, by this key.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSJ9.AAAA";

#[test]
fn who_is_believed_is_read_anew_when_the_server_is_told_to_and_a_broken_file_changes_nothing() {
    let site = Site::new();
    let reader = said(&site, "access grant --governance site --name reader --scope read");
    let log = site.path("log");
    let server = Server::start_logging(&site, &["--governance", "site"], File::create(&log).unwrap());
    let refused = |token: &str| {
        let answer = server.get("/v1/models", token);
        assert_eq!((answer.status, server.get("/v1/models", &reader).status), (401, 200));
        format!("{} {}", answer.body["error"]["code"], answer.body["error"]["message"])
    };
    let told = |words: &str| told(&server, &log, &format!("oidc.toml{words}"));
    assert!(refused(TOKEN).contains("unauthorized"));

    // Its issuer is named, and its key is not in that issuer's set.
    let keys = format!("{{\"keys\": [{}]}}", KEY.replace("RS384", "RS256"));
    let file = "[[issuer]]\niss = \"https://a.example\"\naud = \"osler\"\njwks = \"keys.json\"\n\
                [roles.clinician]\nscopes = [\"cds\"]\n";
    site.file("site/keys.json", &keys);
    site.file("site/oidc.toml", file);
    told(" was read anew");
    assert!(refused(TOKEN).contains("(kid)"));

    // What can't be read changes nothing, and is named.
    for (name, content, named) in [
        ("site/oidc.toml", file.replace("scopes", "scope"), "unknown field"),
        ("site/oidc.toml", file.replace("keys.json", "gone.json"), "gone.json isn't there"),
        ("site/keys.json", "{\"keys\": []}".to_owned(), "must name a file with a key set"),
    ] {
        site.file("site/oidc.toml", file);
        site.file(name, content);
        told(": who was believed before is believed on");
        assert!(fs::read_to_string(&log).unwrap().contains(named), "{named}");
        assert!(refused(TOKEN).contains("(kid)"));
    }

    // Another issuer takes its place; then there is none.
    site.file("site/keys.json", &keys);
    site.file("site/oidc.toml", file.replace("a.example", "b.example"));
    told(" was read anew");
    assert!(refused(TOKEN).contains("(iss)"));
    fs::remove_file(site.path("site/oidc.toml")).unwrap();
    told(" was read anew");
    assert!(refused(TOKEN).contains("unauthorized"));
}
