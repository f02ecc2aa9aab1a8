use super::*;
use crate::SigningKey;
use events::Time;
use serde_json::json;

struct Board {
    developer: SigningKey,
    clinician: SigningKey,
    governance: SigningKey,
    policy: Policy,
}

fn now() -> Time {
    Time::from_ymd(2026, 11, 26).unwrap()
}

fn board() -> Board {
    let [developer, clinician, governance] = [(); 3].map(|()| SigningKey::new().unwrap());
    let text = format!(
        "[roles]\ndeveloper = [\"{}\"]\nclinician = [\"{}\"]\ngovernance = [\"{}\"]\n\
         [promote.validated]\napprovals = [\"developer\"]\nevaluation = true\n\
         [promote.silent]\napprovals = [\"governance\"]\n\
         [promote.live]\napprovals = [\"clinician\", \"governance\"]\nevaluation = true\n\
         [demote]\napprovals = [\"clinician\", \"governance\"]\n",
        developer.public(),
        clinician.public(),
        governance.public()
    );
    Board { developer, clinician, governance, policy: Policy::parse(&text).unwrap() }
}

fn evidence() -> Option<Evidence> {
    let [report, predictions, criteria, registered] = ["aa", "bb", "cc", "7:dd"].map(str::to_owned);
    Some(Evidence { report, predictions, criteria, registered })
}

impl Board {
    fn take(&self, history: &mut History, to: Stage, by: &[(&str, &SigningKey)]) -> Result<(), crate::Error> {
        let step = history.propose(to, "because", evidence())?;
        let approvals = by
            .iter()
            .map(|(role, key)| step.approve(role, key).map(|signed| signed.approval))
            .collect::<Result<_, _>>()?;
        history.take(step, approvals, &self.policy, now())
    }

    fn live(&self) -> History {
        let mut history = History::new("blake3:01", "osler-tiny", "site");
        self.take(&mut history, Stage::Validated, &[("developer", &self.developer)]).unwrap();
        self.take(&mut history, Stage::Silent, &[("governance", &self.governance)]).unwrap();
        let both = [("clinician", &self.clinician), ("governance", &self.governance)];
        self.take(&mut history, Stage::Live, &both).unwrap();
        history
    }
}

#[test]
fn a_model_goes_live_step_by_step_and_comes_back_at_once() {
    let board = board();
    let mut history = board.live();
    assert_eq!(history.stage(), Stage::Live);
    let bytes = history.to_bytes().unwrap();
    assert_eq!(History::read(&bytes, "blake3:01", "site", &board.policy).unwrap(), history);
    board.take(&mut history, Stage::Silent, &[("clinician", &board.clinician)]).unwrap();
    board.take(&mut history, Stage::Retired, &[("governance", &board.governance)]).unwrap();
    for to in Stage::ALL {
        assert!(history.propose(to, "", None).is_err(), "a retired model stays retired, but went to {to}");
    }
}

#[test]
fn steps_without_what_the_policy_asks_for_are_refused() {
    let board = board();
    let draft = || History::new("blake3:01", "osler-tiny", "site");
    let refused = |history: &mut History, to, by: &[(&str, &SigningKey)]| {
        let before = history.clone();
        let said = board.take(history, to, by).unwrap_err().to_string();
        assert_eq!(*history, before);
        said
    };
    assert!(refused(&mut draft(), Stage::Live, &[]).contains("does not go from draft to live"));
    assert!(refused(&mut draft(), Stage::Validated, &[]).contains("lacks the approval of developer"));
    let forged = [("developer", &board.clinician)];
    assert!(refused(&mut draft(), Stage::Validated, &forged).contains("does not speak for"));
    let mut silent = draft();
    board.take(&mut silent, Stage::Validated, &[("developer", &board.developer)]).unwrap();
    board.take(&mut silent, Stage::Silent, &[("governance", &board.governance)]).unwrap();
    let half = [("governance", &board.governance)];
    assert!(refused(&mut silent, Stage::Live, &half).contains("lacks the approval of clinician"));
    assert!(
        refused(&mut silent, Stage::Retired, &[("developer", &board.developer)])
            .contains("clinician or governance")
    );
    // Without an evaluation.
    let step = draft().propose(Stage::Validated, "because", None).unwrap();
    let approval = step.approve("developer", &board.developer).unwrap().approval;
    let said = draft().take(step, vec![approval], &board.policy, now()).unwrap_err().to_string();
    assert!(said.contains("lacks an evaluation"), "{said}");
}

#[test]
fn an_approval_is_good_for_one_model_one_step_and_one_moment() {
    let board = board();
    let history = board.live();
    let down = history.propose(Stage::Silent, "alerts doubled", None).unwrap();
    let approval = down.approve("governance", &board.governance).unwrap().approval;
    for changed in [
        Step { model: "blake3:02".into(), ..down.clone() },
        Step { to: Stage::Retired, ..down.clone() },
        Step { reason: "other".into(), ..down.clone() },
        Step { evidence: evidence(), ..down.clone() },
    ] {
        assert!(changed.judge(std::slice::from_ref(&approval), &board.policy).is_err(), "{changed:?}");
    }
    // Down, up again, and the old approval doesn't take it down a second time.
    let mut later = history;
    later.take(down.clone(), vec![approval.clone()], &board.policy, now()).unwrap();
    let both = [("clinician", &board.clinician), ("governance", &board.governance)];
    board.take(&mut later, Stage::Live, &both).unwrap();
    assert!(later.take(down, vec![approval], &board.policy, now()).is_err());
}

#[test]
fn what_is_approved_at_one_site_holds_at_no_other() {
    let board = board();
    let bytes = board.live().to_bytes().unwrap();
    let read = |bytes: &[u8], ledger| History::read(bytes, "blake3:01", ledger, &board.policy);
    read(&bytes, "site").unwrap();
    assert!(read(&bytes, "elsewhere").unwrap_err().to_string().contains("another ledger"));
    // What names the ledger can be changed; what was signed can't.
    let text = String::from_utf8(bytes).unwrap();
    let moved = text.replace("\"ledger\": \"site\"", "\"ledger\": \"elsewhere\"");
    assert_ne!(moved, text);
    let said = read(moved.as_bytes(), "elsewhere").unwrap_err().to_string();
    assert!(said.contains("step 1 does not follow"), "{said}");
    let of_an_earlier_build = text.replace("  \"ledger\": \"site\",\n", "");
    let said = read(of_an_earlier_build.as_bytes(), "site").unwrap_err().to_string();
    assert!(said.contains("a build from before"), "{said}");

    let draft = History::new("blake3:01", "osler-tiny", "site");
    let step = draft.propose(Stage::Validated, "because", evidence()).unwrap();
    let approval = step.approve("developer", &board.developer).unwrap().approval;
    let mut elsewhere = History::new("blake3:01", "osler-tiny", "elsewhere");
    assert!(elsewhere.take(step, vec![approval], &board.policy, now()).is_err());
    let nowhere = History::new("blake3:01", "osler-tiny", "");
    assert!(nowhere.propose(Stage::Validated, "because", evidence()).is_err());
}

#[test]
fn no_byte_of_a_history_can_be_changed() {
    let board = board();
    let bytes = board.live().to_bytes().unwrap();
    for index in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        // Only the name and the times of steps are signed by nobody; the ledger has their digest.
        if let Ok(read) = History::read(&changed, "blake3:01", "site", &board.policy) {
            let original = History::read(&bytes, "blake3:01", "site", &board.policy).unwrap();
            let told = read.name() != original.name()
                || read.last_digest().unwrap() != original.last_digest().unwrap();
            assert!(told, "byte {index} was changed unseen");
        }
    }
    assert!(History::read(&bytes, "blake3:02", "site", &board.policy).is_err());
    let other = self::board().policy;
    assert!(History::read(&bytes, "blake3:01", "site", &other).is_err(), "another policy's people");
}

#[test]
fn policies_that_leave_a_door_open_are_refused() {
    let key = SigningKey::new().unwrap().public();
    let good = format!(
        "[roles]\na = [\"{key}\"]\n[promote.validated]\napprovals = [\"a\"]\n[promote.silent]\napprovals = [\"a\"]\n\
         [promote.live]\napprovals = [\"a\"]\n[demote]\napprovals = [\"a\"]\n"
    );
    Policy::parse(&good).unwrap();
    for (from, to, said) in [
        ("[promote.live]", "[promote.retired]", "promote.live"),
        ("[demote]\napprovals = [\"a\"]", "[demote]\napprovals = []", "asks nobody"),
        ("[promote.live]\napprovals = [\"a\"]", "[promote.live]\napprovals = [\"b\"]", "the role b"),
        ("[roles]", &format!("[roles]\nb = [\"{key}\"]"), "both"),
        ("[demote]", "[demoted]", "unknown field"),
    ] {
        let error = Policy::parse(&good.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn criteria_are_met_by_the_worse_end_of_the_interval() {
    let report = json!({"tasks": [{
        "task": "ICD10CM//I50.9", "horizon_days": 365.25, "events": 40,
        "model": {
            "auroc": {"value": 0.80, "low": 0.74, "high": 0.86},
            "observed_expected": {"value": 1.0, "low": 0.9, "high": 1.15},
            "brier": {"value": null, "low": null, "high": null}
        },
        "comparison": {"difference": {"auroc": {"value": 0.05, "low": 0.01, "high": 0.09}}}
    }]});
    let met = |rest: &str| {
        let text = format!("[[criterion]]\ntask = \"ICD10CM//I50.9\"\nhorizon_days = 365\n{rest}\n");
        let findings = Criteria::parse(&text).unwrap().judge(&report);
        assert_eq!(findings.len(), 1);
        findings[0].met
    };
    assert!(met("metric = \"auroc\"\nat_least = 0.74") && !met("metric = \"auroc\"\nat_least = 0.75"));
    assert!(met("metric = \"auroc\"\nat_least = 0.79\npoint = true"));
    assert!(met("metric = \"observed_expected\"\nat_least = 0.8\nat_most = 1.2"));
    assert!(!met("metric = \"observed_expected\"\nat_least = 0.8\nat_most = 1.1"));
    assert!(
        met("metric = \"difference.auroc\"\nat_least = 0.0") && met("metric = \"events\"\nat_least = 40")
    );
    for absent in ["brier", "nothing", "difference.nothing"] {
        assert!(!met(&format!("metric = \"{absent}\"\nat_most = 9.0")), "{absent}");
    }
    let other =
        "[[criterion]]\ntask = \"ICD10CM//I50.9\"\nhorizon_days = 366\nmetric = \"events\"\nat_least = 1\n";
    assert!(!Criteria::parse(other).unwrap().judge(&report)[0].met);
    let elsewhere = "[[criterion]]\ntask = \"other\"\nmetric = \"auroc\"\nat_least = 0.1\n";
    assert!(!Criteria::parse(elsewhere).unwrap().judge(&report)[0].met);
    for bad in ["", "criterion = []", "[[criterion]]\ntask = \"a\"\nmetric = \"auroc\"\n"] {
        assert!(Criteria::parse(bad).is_err(), "{bad}");
    }
}
