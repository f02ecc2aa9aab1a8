//! Reasoning about one patient, through the program.

use crate::support::Site;
use serde_json::Value;

/// Several JSON values, one after the other.
fn answers(output: &std::process::Output) -> Vec<Value> {
    serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>().map(Result::unwrap).collect()
}

#[test]
fn one_patient_is_reasoned_about() {
    let site = Site::new();
    site.succeed("demo --subjects 260 --max-steps 10 --no-serve --out demo");
    // Whoever is alive and has the longest record: keys of demos are drawn, and so is who comes first.
    let living = site.events("demo/events").into_iter().filter(|s| s.death().is_none());
    let id = living.max_by_key(|s| (s.events().len(), s.id)).unwrap().id;
    let line = |line: &str| format!("reason --model demo/model --subject {id} {line} demo/events");
    let ask = |asked: &str| answers(&site.succeed(&format!("--json {}", line(asked))));
    let refused = |asked: &str| site.fail(&line(asked));
    let known = "--predictions demo/predictions --report demo/report --reference-split train";
    let told = ask(known).remove(0);
    assert!(told["caveat"].as_str().unwrap().contains("clinician decides"));
    assert_eq!(told["synthetic"], true);

    let early = told["early_detection"].as_array().unwrap();
    assert_eq!(early.len(), 5);
    for condition in early {
        let risks: Vec<f64> =
            condition["risks"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap()).collect();
        assert!(risks.is_sorted() && risks.len() == 9 && risks[8] <= 1.0, "{risks:?}");
        assert!(condition["trend"].as_array().unwrap().last().unwrap()["risk"].as_f64().is_some());
        let people = condition["percentile"]["people"].as_u64().unwrap();
        assert!(people >= 50, "{people}");
        let events = condition["evidence"]["events"].as_array().unwrap();
        let strength = |e: &Value| e["log_odds"].as_f64().unwrap().abs();
        assert!(events.len() > 1 && events.is_sorted_by(|a, b| strength(a) >= strength(b)));
        assert!(events.iter().any(|e| e["exact"] == true));
    }
    let considered = told["differential"]["considered"].as_array().unwrap();
    let chance = |c: &Value| c["chance"].as_f64().unwrap();
    assert!(considered.is_sorted_by(|a, b| chance(a) >= chance(b)));

    // The same question, the same answer.
    assert_eq!(ask(known).remove(0), told);
    what_is_later_is_not_looked_at(&site, &told);
    a_quick_look_says_what_was_read_without(&ask);
    a_model_of_ten_steps_is_not_leaned_on(&told);
    patients_alike_are_told_as_a_group(&ask, &refused);
    a_page_is_written_once(&site, &line, &refused);
    results_are_taken_in(&site, &ask, &refused);
    options_are_refused_where_nothing_can_be_said(&site, &ask, &refused);
    let text = String::from_utf8(site.succeed(&line("")).stdout).unwrap();
    for words in [
        "WHAT MAY COME",
        "WHAT IT MAY BE",
        "WHAT TO FIND OUT NEXT",
        // The figure, or that there is none for somebody of this age.
        "age and sex",
        "how sure: not known",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(site.fail("reason --model demo/model --subject 1 demo/events").contains("no such subject"));
    assert!(refused("--at soon").contains("2019-06-30"));
    assert!(refused("--codes X//1").contains("doesn't know the code"));
}

fn what_is_later_is_not_looked_at(site: &Site, told: &Value) {
    let id = told["subject_id"].as_i64().unwrap();
    let subject = site.events("demo/events").into_iter().find(|s| s.id == id).unwrap();
    let mut times: Vec<events::Time> = subject.events().iter().filter_map(|e| e.time).collect();
    times.sort();
    times.dedup();
    let (year, month, day) = times[times.len() / 2].ymd();
    let ask = format!(
        "--json reason --model demo/model --subject {id} --at {year:04}-{month:02}-{day:02} --show risks demo/events"
    );
    let earlier = answers(&site.succeed(&ask)).remove(0);
    let tokens = |answer: &Value| answer["tokens_read"].as_u64().unwrap();
    assert!(tokens(&earlier) < tokens(told), "{} {}", tokens(&earlier), tokens(told));
    let limit = format!("{year:04}-{month:02}-{day:02}");
    let days = earlier["early_detection"][0]["evidence"]["events"].as_array().unwrap();
    assert!(days.iter().filter_map(|e| e["day"].as_str()).all(|day| day <= limit.as_str()));
}

fn a_quick_look_says_what_was_read_without(ask: &dyn Fn(&str) -> Vec<Value>) {
    let of_first = |exact: usize| {
        let told = ask(&format!("--show risks --most 1 --evidence 10000 --exact {exact}")).remove(0);
        told["early_detection"][0]["evidence"].clone()
    };
    let (quick, read) = (of_first(0), of_first(30_000));
    let moments = quick["moments"].as_array().unwrap();
    let named: std::collections::BTreeSet<String> =
        moments.iter().map(|moment| format!("{} {}", moment["day"], moment["time"])).collect();
    assert!(named.len() > 2 && named.len() == moments.len(), "two moments of one name: {moments:?}");
    let events = |told: &Value| told["events"].as_array().unwrap().clone();
    let (quick, read) = (events(&quick), events(&read));
    assert!(quick.len() > 10 && quick.len() == read.len());
    assert!(read.iter().all(|event| event["exact"] == true));
    // Where the very last event is gone nobody looks back.
    let exact: Vec<&Value> = quick.iter().filter(|event| event["exact"] == true).collect();
    assert_eq!(exact.len(), 1, "{exact:?}");
    let by = |event: &Value| event["log_odds"].as_f64().unwrap();
    let same = |event: &&Value| {
        ["code", "day", "value"].iter().all(|key| event[key] == exact[0][key])
            && (by(event) - by(exact[0])).abs() < 1e-3
    };
    assert!(read.iter().any(|event| same(&event)), "{exact:?}");
}

fn results_are_taken_in(site: &Site, ask: &dyn Fn(&str) -> Vec<Value>, refused: &dyn Fn(&str) -> String) {
    let tests = ask("--show tests --least-bits 0 --rule-out 0 --rule-in 1").remove(0);
    let tests = tests["next_tests"]["tests"].as_array().unwrap().clone();
    let worth = |t: &Value| t["bits_per_cost"].as_f64().unwrap();
    assert!(tests.len() > 3 && tests.is_sorted_by(|a, b| worth(a) >= worth(b)));
    let (first, value) =
        (tests[0]["code"].as_str().unwrap(), tests[0]["tells"]["highest_at"].as_f64().unwrap());
    site.file("results.txt", format!("{first}={value}\n\n{first}={value}\n"));
    site.file("prices.toml", format!("default = 1.0\nunit = \"USD\"\n[costs]\n\"{first}\" = 7.5\n"));
    let told = ask(
        "--show tests --prices prices.toml --results results.txt --budget 10 --least-bits 0 --rule-out 0 --rule-in 1",
    );
    assert_eq!(told.len(), 3);
    assert_eq!(told[2]["results"].as_array().unwrap().len(), 2);
    assert_eq!(told[1]["next_tests"]["spent"].as_f64(), Some(7.5));
    assert_eq!(told[2]["next_tests"]["stop"], "budget", "{}", told[2]["next_tests"]);
    assert_eq!(ask("--show tests --rule-out 0.9 --rule-in 0.9")[0]["next_tests"]["stop"], "settled");
    // A result that was taken in counts against a treatment as one on record does.
    let rule = |limit: &str| {
        format!(
            "[[contraindication]]\ntreatment = \"RXNORM//\"\ncode = \"{first}\"\n{limit}\nbecause = \"a rule\"\n"
        )
    };
    site.file("results_rules.toml", rule("above = 1e6"));
    let options = "--show options --condition ICD10CM// --treatments RXNORM//none --rules results_rules.toml";
    let against =
        |asked: &str| ask(&format!("{options} {asked}"))[0]["options"][0]["contraindications"].clone();
    assert_eq!(against("").as_array().map(Vec::len), Some(0));
    let found = against(&format!("--result {first}=2e6"));
    assert_eq!((found[0]["code"].as_str(), found[0]["value"].as_f64()), (Some(first), Some(2e6)), "{found}");
    let said = refused("--result nonsense");
    assert!(said.contains("CODE=VALUE"), "{said}");
}

fn options_are_refused_where_nothing_can_be_said(
    site: &Site,
    ask: &dyn Fn(&str) -> Vec<Value>,
    refused: &dyn Fn(&str) -> String,
) {
    let rules = "[[contraindication]]\ntreatment = \"RXNORM//\"\ncode = \"ICD10CM//\"\nbecause = \"a rule for a test\"\n";
    site.file("rules.toml", rules);
    let told =
        ask("--show options --condition ICD10CM// --treatments RXNORM//none --rules rules.toml").remove(0);
    let option = &told["options"][0];
    assert!(option["refused"].as_str().unwrap().contains("too few people"), "{option}");
    let told = ask("--show options --condition ICD10CM//Z99.9999 --treatments RXNORM//none").remove(0);
    let because = told["options"][0]["refused"].as_str().unwrap();
    assert!(because.contains("no such condition"), "{because}");
    assert!(refused("--show options").contains("--condition"));
    site.file("rules.toml", "[[contraindication]]\ntreatment = 1\n");
    assert!(
        refused("--show options --condition X --treatments Y --rules rules.toml").contains("holds no rules")
    );
}

fn a_model_of_ten_steps_is_not_leaned_on(told: &Value) {
    // Fifteen tuning people can't say that it is any good.
    let cautions = told["cautions"].as_array().unwrap();
    assert!(cautions[0].as_str().unwrap().contains("tuning people"), "{cautions:?}");
}

fn patients_alike_are_told_as_a_group(ask: &dyn Fn(&str) -> Vec<Value>, refused: &dyn Fn(&str) -> String) {
    let told = ask("--show alike --alike 40 --k 5 --horizon 5y").remove(0)["alike"].clone();
    // Somebody unusual is refused, and then nothing of anybody is told.
    if let Some(group) = told.get("group") {
        assert_eq!((group["people"].as_u64(), group["k"].as_u64()), (Some(40), Some(5)));
        for outcome in group["became"].as_array().unwrap() {
            // Neither a count nor what two counts leave is of fewer than k.
            let counts: Vec<u64> =
                ["events", "known", "people"].iter().filter_map(|of| outcome[of].as_u64()).collect();
            assert!(counts.iter().all(|count| *count >= 5), "{outcome}");
            let with_all = counts.iter().copied().chain([40]).collect::<Vec<_>>();
            assert!(with_all.windows(2).all(|two| two[1] == two[0] || two[1] - two[0] >= 5), "{outcome}");
        }
    } else {
        assert_eq!(told["refused"]["because"], "nobody_alike", "{told}");
    }
    let few = ask("--show alike --alike 4 --k 5").remove(0)["alike"].clone();
    assert_eq!(few["refused"]["because"], "too_few", "{few}");
    assert!(refused("--show alike --k 1").contains("--k"));
}

fn a_page_is_written_once(site: &Site, line: &dyn Fn(&str) -> String, refused: &dyn Fn(&str) -> String) {
    site.succeed(&line("--show risks,differential,tests,alike --html page.html"));
    let page = std::fs::read_to_string(site.path("page.html")).unwrap();
    for words in [
        "What may come",
        "What it may be",
        "What to find out next",
        "Patients like this one",
        "<svg",
        "Caution",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("Synthetic data") && !page.contains("<script") && !page.contains("NaN"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(site.path("page.html")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others can read a page that holds parts of a record");
    }
    assert!(refused("--html page.html").contains("--force"));
}
