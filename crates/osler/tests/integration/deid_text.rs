//! `osler deid text` as a filter in a pipe.

use crate::support::Site;
use std::io::{BufRead, BufReader, Write};
use std::process::{Output, Stdio};

fn filter(arguments: &str, input: &str) -> Output {
    let site = Site::new();
    let line = format!("deid text {arguments}");
    let mut child = site
        .command(&line.split_whitespace().collect::<Vec<_>>())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A run that stops early closes its end.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[test]
fn objects_come_out_in_order_without_what_identifies() {
    let input: String = (0..3000)
        .map(|n| format!("{{\"id\":{n},\"text\":\"Žofie Nováková, seen on 4 May 2021 by Dr. Smith. K 4.1\",\"mrn\":\"77\"}}\n"))
        .collect();
    let one = filter("--threads 1", &input);
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(one.stdout, filter("--threads 3", &input).stdout);
    let text = String::from_utf8(one.stdout).unwrap();
    assert_eq!(text.lines().count(), 3000);
    for (n, line) in text.lines().enumerate() {
        assert_eq!(
            line,
            format!(
                "{{\"id\":{n},\"text\":\"[NAME], seen on [DATE] by [NAME]. K 4.1\",\"spans\":[\
                 {{\"start\":0,\"end\":14,\"type\":\"NAME\"}},{{\"start\":24,\"end\":34,\"type\":\"DATE\"}},\
                 {{\"start\":38,\"end\":47,\"type\":\"NAME\"}}]}}"
            )
        );
    }
}

#[test]
fn an_error_says_the_line_and_nothing_of_it() {
    let good = "{\"id\":1,\"text\":\"K 4.1\"}\n";
    for bad in
        ["{\"id\":2,\"text\":\"Canary", "{\"id\":2,\"text\":[\"Canary\"]}", "\"Canary\"", "{\"Canary\":1}"]
    {
        let output = filter("", &format!("{good}\n{bad}\n"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("line 3") && !said.contains("Canary"), "{said}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("{\"id\":1"), "what was done is out");
    }
    let output =
        filter("--longest-line 30", &format!("{good}{{\"id\":2,\"text\":\"{}\"}}\n", "Canary ".repeat(9)));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success()
            && said.contains("line 2 is longer than 30 bytes")
            && !said.contains("Canary"),
        "{said}"
    );
}

#[test]
fn a_line_is_answered_before_the_next_is_asked() {
    let site = Site::new();
    let mut child =
        site.command(&["deid", "text"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for n in 0..3 {
        writeln!(stdin, "{{\"id\":{n},\"text\":\"call 555-123-4567\"}}").unwrap();
        stdin.flush().unwrap();
        assert!(answers.next().unwrap().unwrap().contains("call [PHONE]"));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_date_tells_days_from_scores_and_stays_behind() {
    let line = |date: &str| format!("{{\"id\":1,{date}\"text\":\"Better, 2/5, than before.\"}}\n");
    let text = |date: &str| String::from_utf8(filter("", &line(date)).stdout).unwrap();
    assert!(
        text("\"date\":\"2021-02-10\",").starts_with("{\"id\":1,\"text\":\"Better, [DATE], than before.\"")
    );
    assert!(!text("\"date\":\"2021-02-10\",").contains("2021"));
    assert!(text("").contains("Better, 2/5, than before."), "without one it may be a share");
    let bad = filter("", &line("\"date\":\"5/4/1931\","));
    let said = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(!bad.status.success() && said.contains("YYYY-MM-DD") && !said.contains("1931"), "{said}");
}

#[test]
fn ids_pass_are_dropped_or_are_pseudonyms() {
    let lines = "{\"id\":\"MRN-77\",\"text\":\"K 4.1\"}\n{\"id\":\"MRN-78\",\"text\":\"K 4.1\"}\n";
    let out = |arguments: &str| String::from_utf8(filter(arguments, lines).stdout).unwrap();
    assert!(out("").starts_with("{\"id\":\"MRN-77\""));
    assert!(out("--ids drop").starts_with("{\"id\":null"));
    let site = Site::new();
    let key = site.path("site.key");
    let by_key = || out(&format!("--ids pseudonym --key {}", key.display()));
    let ids: Vec<String> = by_key().lines().map(|line| line[..25].to_owned()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1] && !ids[0].contains("77"), "{ids:?}");
    assert_eq!(by_key(), by_key());
    let refused = filter(&format!("--policy safe-harbor --ids pseudonym --key {}", key.display()), lines);
    assert!(!refused.status.success() && refused.stdout.is_empty());
}
