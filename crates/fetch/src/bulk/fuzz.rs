//! The way in for fuzzing: all that a server says during an export, without a server.

use super::{limits::ExportLimits, manifest::Manifest, outcome, progress::percent_of};
use crate::{Base, Link};

/// Reads bytes as a list of files, as its second page, as a line of its errors, as links and as how far the server says to be. Whatever the bytes,
/// it returns; what it takes is no path, no link and no word of the server's. Says whether they were a list of files.
#[doc(hidden)]
pub fn fuzz_export(bytes: &[u8]) -> bool {
    let limits = ExportLimits { files: 64, manifest_pages: 3, ..ExportLimits::default() };
    let mut is_list = false;
    if let Ok(list) = Manifest::read(bytes, &limits) {
        is_list = true;
        check(&list, &limits);
        let again = serde_json::to_vec(&list).unwrap_or_default();
        assert!(serde_json::from_slice::<Manifest>(&again).is_ok(), "what is kept of it can't be read again");
        if let Ok(more) = list.with_page(bytes, &limits) {
            check(&more, &limits);
        }
    }
    let mut issues = outcome::Issues::new();
    outcome::count(bytes, &mut issues);
    assert!(issues.values().sum::<u64>() > 0, "an error that wasn't counted");
    let _ = crate::caller::code_of(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(percent_of(text).is_none_or(|percent| percent <= 100));
        if let Some(link) = Link::parse(text) {
            assert_eq!(Link::parse(&link.address()).as_ref(), Some(&link), "another link than was read");
            assert!(link.origin().path().is_empty() && link.target().starts_with('/'));
            assert!(link.target().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        if let Some(base) = Base::parse(text) {
            assert!(!base.path().split('/').any(|segment| segment == ".."));
            assert!(!base.authority().contains(['@', '/', '?', '#']));
        }
    }
    is_list
}

/// Each file has a name of its own, which is nothing but a name.
fn check(list: &Manifest, limits: &ExportLimits) {
    assert!(list.files.len() <= limits.files && list.pages <= limits.manifest_pages);
    assert!(list.transaction_time.len() <= 40, "no moment");
    let mut names = std::collections::HashSet::new();
    for file in &list.files {
        assert!(names.insert((file.part.directory(), &file.name)), "a name twice");
        let (kind, rest) = file.name.split_once('.').unwrap_or_default();
        assert!(!kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphabetic()), "no type");
        let digits = rest.strip_prefix("part-").and_then(|rest| rest.strip_suffix(".ndjson"));
        assert!(digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())), "no number");
    }
}

#[cfg(test)]
#[path = "../../../../fuzz/mutate.rs"]
pub(super) mod mutate;

#[cfg(test)]
mod tests {
    use super::mutate::mutated;
    use super::*;
    use serde_json::json;

    fn seeds() -> Vec<Vec<u8>> {
        let file = |kind: &str, at: usize| json!({"type": kind, "url": format!("https://ehr.example/f/{at}?sig=%2F"), "count": at});
        let list = |next: bool| {
            let mut list = json!({
                "transactionTime": "2026-11-27T06:00:00.5+01:00", "request": "https://ehr.example/$export", "requiresAccessToken": true,
                "output": [file("Patient", 1), file("Condition", 2)], "error": [file("OperationOutcome", 3)],
                "deleted": [{"type": "Bundle", "url": "https://ehr.example/f/4"}], "extension": {"a": [1.5e3, null]}
            });
            if next {
                list["link"] = json!([{"relation": "next", "url": "https://ehr.example/pages/2?x=1"}]);
            }
            list.to_string()
        };
        let outcome = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found", "diagnostics": "x"}]});
        [
            list(false),
            list(true),
            outcome.to_string(),
            json!({"error": "invalid_client", "error_description": "x"}).to_string(),
            "https://files.example:8443/a%2Fb/Patient.ndjson?sig=x%3D&y=1".to_owned(),
            "http://[::1]:8090/fhir".to_owned(),
            "about 62.5 % done".to_owned(),
        ]
        .map(String::into_bytes)
        .to_vec()
    }

    #[test]
    fn mutations_are_read_or_refused() {
        let mut lists = 0;
        mutated(&seeds(), 20_000, 1, |bytes| lists += usize::from(fuzz_export(bytes)));
        assert!(lists > 100, "{lists} lists were read");
    }

    #[test]
    #[ignore = "takes minutes; the same as the fuzz target where no fuzzer is at hand"]
    fn many_mutations_are_read_or_refused() {
        for seed in 2..102 {
            mutated(&seeds(), 100_000, seed, |bytes| {
                fuzz_export(bytes);
            });
        }
    }
}
