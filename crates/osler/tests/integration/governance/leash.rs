//! A model's way from draft to live and back, while it is served.

use super::{RECORD, demo, said, server::Server};
use crate::support::Site;
use std::time::{Duration, Instant};

struct Board {
    site: Site,
}

impl Board {
    /// A site with three people, and criteria that were registered before the report was made.
    fn new() -> Self {
        Self::under(POLICY)
    }

    fn under(policy: &str) -> Self {
        let site = Site::new();
        let mut roles = String::from("[roles]\n");
        for role in ["developer", "clinician", "governance"] {
            let public = said(&site, &format!("model key --out {role}.key"));
            roles += &format!("{role} = [\"{public}\"]\n");
        }
        said(&site, "access grant --governance site --name bedside --scope predict --json");
        site.file("site/policy.toml", roles + policy);
        Board { site }
    }

    /// Evaluates the demo's predictions anew, after the criteria were registered there.
    fn evaluate(&self, criteria: &str, registered: Option<&str>) -> String {
        let predictions = demo("predictions");
        let registered = registered.map_or_else(String::new, |link| format!("--registered {link}"));
        self.site.succeed(&format!(
            "evaluate --min-events 1 --draws 20 {registered} --force --out report {predictions}"
        ));
        format!("--report report --predictions {predictions} --criteria {criteria}")
    }

    fn step(&self, to: &str, evidence: &str) -> String {
        format!("--governance site --model {} --to {to} --reason because {evidence}", super::model())
    }

    /// The file of the one model that has taken a step.
    fn history(&self) -> std::path::PathBuf {
        let mut paths = self.site.path("site/models").read_dir().unwrap().map(|entry| entry.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap()
    }

    fn sign(&self, role: &str, step: &str) {
        let _ = std::fs::remove_file(self.site.path(&format!("{role}.json")));
        said(&self.site, &format!("model sign {step} --role {role} --key {role}.key --out {role}.json"));
    }
}

#[test]
fn a_retirement_whose_entry_was_made_unreadable_lets_nothing_answer() {
    let board = without_evaluation();
    let site = &board.site;
    let key = said(site, "access grant --governance site --name app --scope predict --trial");
    let taken = |verb: &str, to: &str, by: &str| {
        board.sign(by, &board.step(to, ""));
        said(site, &format!("model {verb} {} {by}.json", board.step(to, "")));
    };
    taken("promote", "validated", "developer");
    let before = std::fs::read(board.history()).unwrap();
    let server = Server::start(site, &["--governance", "site"]);
    assert_eq!(server.post("/v1/risk", &key, RECORD).status, 200);
    taken("demote", "retired", "governance");
    std::fs::write(board.history(), before).unwrap();
    // Somebody who may take the trigger away.
    let ledger = rusqlite::Connection::open(site.path("site/ledger.db")).unwrap();
    let unreadable = "DROP TRIGGER entries_stay; UPDATE entries SET record = replace(record, '\"kind\":\"stage\"', '\"kind\":\"stagf\"')
        WHERE sequence = (SELECT max(sequence) FROM entries WHERE record LIKE '{\"kind\":\"stage\"%')";
    ledger.execute_batch(unreadable).unwrap();
    // Long enough for several looks at it.
    std::thread::sleep(Duration::from_millis(3500));
    let answer = server.post("/v1/risk", &key, RECORD);
    assert_eq!(answer.body["error"]["code"], "stage_unavailable", "{} {}", answer.status, answer.body);
    drop(server);
    let refused = site.fail(&format!("serve --governance site --model {}", super::model()));
    assert!(refused.contains("the ledger was changed: entry "), "{refused}");
    assert!(
        site.fail(&format!("model verify --governance site --model {}", super::model())).contains("entry ")
    );
}

/// The same, where no step needs an evaluation.
fn without_evaluation() -> Board {
    Board::under(&POLICY.replace("evaluation = true\n", ""))
}

const POLICY: &str = "[promote.validated]\napprovals = [\"developer\"]\nevaluation = true\n\
    [promote.silent]\napprovals = [\"governance\"]\n\
    [promote.live]\napprovals = [\"clinician\", \"governance\"]\n\
    [demote]\napprovals = [\"clinician\", \"governance\"]\n";

#[test]
fn a_model_answers_when_the_board_lets_it_and_stops_when_they_say() {
    let board = Board::new();
    let site = &board.site;
    let key = said(site, "access grant --governance site --name app --scope predict");
    let server = Server::start(site, &["--governance", "site"]);
    let asked = || server.post("/v1/risk", &key, RECORD);
    let until = |status: u16, stage: &str| {
        let begun = Instant::now();
        loop {
            let answer = asked();
            if answer.status == status && answer.header("x-osler-stage") == stage {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "still {} {}", answer.status, answer.body);
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    assert_eq!(until(403, "draft").body["error"]["code"], "withheld");

    // Criteria that nobody registered, then some that this report doesn't meet, then some that it does.
    let report: serde_json::Value = {
        board.evaluate("x", None);
        let text = std::fs::read_to_string(site.path("report/report.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let task = &report["tasks"][0];
    let of_task =
        format!("[[criterion]]\ntask = {}\nhorizon_days = {}\n", task["task"], task["horizon_days"]);
    site.file("criteria.toml", format!("{of_task}metric = \"subjects\"\nat_least = 1\n"));
    site.file("high.toml", format!("{of_task}metric = \"subjects\"\nat_least = 1000000\n"));
    let late = board.step("validated", &board.evaluate("criteria.toml", None));
    let sign =
        |step: &str| format!("model sign {step} --role developer --key developer.key --out refused.json");
    assert!(site.fail(&sign(&late)).contains("never registered"));
    let registered = said(site, "model register --governance site criteria.toml");
    assert!(site.fail(&sign(&late)).contains(&format!("evaluate again, with --registered {registered}")));
    // No line of text makes it one that was made after, nor does a file that is put there.
    let manifest = std::fs::read_to_string(site.path("report/manifest.json")).unwrap();
    let started = serde_json::from_str::<serde_json::Value>(&manifest).unwrap()["started"].to_string();
    site.file("report/manifest.json", manifest.replace(&started, "\"2031-01-01T00:00:00Z\""));
    assert!(site.fail(&sign(&late)).contains("evaluate again"));
    site.file("report/registered.txt", &registered);
    assert!(site.fail(&sign(&late)).contains("put there by something else"));
    let above = said(site, "model register --governance site high.toml");
    let another = board.step("validated", &board.evaluate("criteria.toml", Some(&above)));
    assert!(site.fail(&sign(&another)).contains("evaluate again"));
    let high = board.step("validated", &board.evaluate("high.toml", Some(&above)));
    assert!(site.fail(&sign(&high)).contains("does not meet the criteria"));

    let validated = board.step("validated", &board.evaluate("criteria.toml", Some(&registered)));
    assert!(site.fail(&format!("model promote {validated}")).contains("lacks the approval of developer"));
    board.sign("developer", &validated);
    // What was signed is this report, to the last line of its manifest.
    let manifest = std::fs::read_to_string(site.path("report/manifest.json")).unwrap();
    let started = serde_json::from_str::<serde_json::Value>(&manifest).unwrap()["started"].to_string();
    site.file("report/manifest.json", manifest.replace(&started, "\"2031-01-01T00:00:00Z\""));
    assert!(
        site.fail(&format!("model promote {validated} developer.json")).contains("approves another step")
    );
    site.file("report/manifest.json", &manifest);
    said(site, &format!("model promote {validated} developer.json"));
    assert_eq!(until(403, "validated").body["error"]["code"], "withheld");
    let silent = board.step("silent", "");
    board.sign("governance", &silent);
    said(site, &format!("model promote {silent} governance.json"));
    assert_eq!(until(403, "silent").body["error"]["code"], "withheld");
    let live = board.step("live", "");
    board.sign("clinician", &live);
    board.sign("governance", &live);
    assert!(site.fail(&format!("model promote {live} governance.json")).contains("clinician"));
    assert!(
        site.fail(&format!("model promote {silent} governance.json"))
            .contains("does not go from silent to silent")
    );
    said(site, &format!("model promote {live} clinician.json governance.json"));
    assert!(until(200, "live").body["patients"][0]["risks"].is_array());

    // The card tells the same, with who approved.
    let card = said(site, &format!("card --json --governance site --model {} --out card", super::model()));
    let card: serde_json::Value = serde_json::from_str(&card).unwrap();
    assert_eq!(card["stage"], "live");
    let steps = card["sections"][0]["entries"].to_string();
    assert!(
        steps.contains("silent → live") && steps.contains("approved by clinician, governance: because"),
        "{steps}"
    );

    // The record cut back to an earlier stage, or changed, lets nobody see anything.
    let file = board.history();
    let record = std::fs::read(&file).unwrap();
    std::fs::write(&file, String::from_utf8(record.clone()).unwrap().replace("because", "becauze")).unwrap();
    assert!(
        site.fail(&format!("model verify --governance site --model {}", super::model())).contains("step 1")
    );
    assert_eq!(until(503, "").body["error"]["code"], "stage_unavailable");
    std::fs::remove_file(&file).unwrap();
    assert!(
        site.fail(&format!("model verify --governance site --model {}", super::model())).contains("ledger")
    );
    std::fs::write(&file, record).unwrap();
    until(200, "live");

    // A policy that can't be read for a moment is no retirement either.
    let policy = site.path("site/policy.toml");
    let kept = std::fs::read(&policy).unwrap();
    std::fs::write(&policy, "[roles").unwrap();
    assert_eq!(until(503, "").body["error"]["code"], "stage_unavailable");
    std::fs::write(&policy, &kept).unwrap();
    until(200, "live");

    // Nor is one that can't be looked at for as long as it takes: as a share that hangs, a pipe that nobody writes to.
    std::fs::remove_file(&policy).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&policy).status().unwrap().success());
    assert_eq!(until(503, "").body["error"]["code"], "stage_unavailable");
    let pipe = std::fs::File::options().write(true).open(&policy).unwrap();
    std::fs::remove_file(&policy).unwrap();
    std::fs::write(&policy, kept).unwrap();
    drop(pipe);
    until(200, "live");

    let down = board.step("retired", "");
    assert!(site.fail(&format!("model promote {down} governance.json")).contains("osler model demote"));
    board.sign("governance", &down);
    let begun = Instant::now();
    said(site, &format!("model demote {down} governance.json"));
    assert_eq!(until(410, "").body["error"]["code"], "retired");
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop(server);
    assert!(site.fail(&format!("serve --governance site --model {}", super::model())).contains("retired"));
    let listed = said(site, "model list --governance site");
    assert!(
        listed.starts_with("retired") && listed.contains("silent → live by clinician, governance"),
        "{listed}"
    );
    said(site, "ledger verify --governance site");
}

#[test]
fn a_step_that_was_cut_off_is_taken_if_the_ledger_has_it_and_not_begun_if_not() {
    let board = without_evaluation();
    let site = &board.site;
    let take = |site: &Site, verb: &str, to: &str, by: &str| {
        board.sign(by, &board.step(to, ""));
        said(site, &format!("model {verb} {} {by}.json", board.step(to, "")));
    };
    let stage = |directory: &str| {
        let verified =
            said(site, &format!("model verify --governance {directory} --model {}", super::model()));
        verified.split(' ').next().unwrap().to_owned()
    };
    take(site, "promote", "validated", "developer");
    let path = board.history();
    let pending = path.with_extension("pending");
    assert!(!pending.exists());
    // Cut off between the ledger and the file, at the first step and at a later one.
    std::fs::rename(&path, &pending).unwrap();
    assert!(said(site, "model list --governance site").starts_with("validated"));
    assert!(
        !path.exists() && pending.exists(),
        "who only looks changes nothing: another step may be under way"
    );
    std::fs::rename(&pending, &path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-r").args([site.path("site"), site.path("copy")]).status().unwrap().success());
    take(site, "promote", "silent", "governance");
    let after = std::fs::read(&path).unwrap();
    std::fs::rename(&path, &pending).unwrap();
    std::fs::write(&path, &before).unwrap();
    assert_eq!(stage("site"), "silent");
    take(site, "demote", "retired", "clinician");
    assert_eq!(stage("site"), "retired");
    assert!(path.exists() && !pending.exists(), "who takes the next step puts the last in its place");

    // Cut off before the ledger had it: it was never taken, and can be.
    let there = site.path("copy/models").join(pending.file_name().unwrap());
    for begun in [after.as_slice(), b"{"] {
        std::fs::write(&there, begun).unwrap();
        assert_eq!(stage("copy"), "validated");
    }
    let step = board.step("silent", "").replace("--governance site", "--governance copy");
    let _ = std::fs::remove_file(site.path("governance.json"));
    said(site, &format!("model sign {step} --role governance --key governance.key --out governance.json"));
    said(site, &format!("model promote {step} governance.json"));
    assert_eq!(stage("copy"), "silent");

    // What was approved at one site holds at no other with the same board, whatever its ledger says.
    said(site, "access grant --governance other --name app --scope predict");
    std::fs::create_dir_all(site.path("other/models")).unwrap();
    for file in ["policy.toml".to_owned(), format!("models/{}", path.file_name().unwrap().display())] {
        std::fs::copy(site.path("site").join(&file), site.path("other").join(&file)).unwrap();
    }
    let refused = site.fail(&format!("model verify --governance other --model {}", super::model()));
    assert!(refused.contains("bound to another ledger"), "{refused}");

    // One model whose record doesn't hold hides no other.
    site.file("copy/models/00.json", "{}");
    let listed = said(site, "model list --governance copy");
    assert!(listed.contains("unknown  blake3:00: ") && listed.contains("\nsilent"), "{listed}");
}
