//! What was asked, kept for the board alone.

use super::{RECORD, said, server::Server};
use crate::support::Site;
use std::os::unix::fs::PermissionsExt;

/// Two identities of nobody: 32 bytes 0x42, and 32 bytes 7, as age writes them.
const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const OTHER: &str = "AGE-SECRET-KEY-1QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSKMP32K";

fn secret(site: &Site, name: &str, text: &str) {
    let path = site.file(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_was_asked_is_kept_for_the_board_and_held_to_its_entry() {
    let site = Site::new();
    let identity: age::x25519::Identity = IDENTITY.parse().unwrap();
    site.file("board.txt", format!("# the board\n{}\n", identity.to_public()));
    secret(&site, "board.key", IDENTITY);
    secret(&site, "other.key", OTHER);
    let key = said(&site, "access grant --governance site --name ward --scope predict --trial");
    let keeps = ["--governance", "site", "--keep-inputs", "inputs", "--keep-inputs-for", "board.txt"];
    let server = Server::start(&site, &keeps);
    let entry = |body: &str| {
        let answer = server.post("/v1/risk", &key, body);
        let link = answer.header("x-osler-ledger").to_owned();
        (answer.status, link.split(':').next().unwrap().to_owned())
    };
    let (status, first) = entry(RECORD);
    assert_eq!(status, 200);
    let spoilt = RECORD.replace('}', "} Canary");
    let (status, second) = entry(&spoilt);
    assert_eq!(status, 400);

    let open = "ledger open-input --governance site --inputs inputs";
    for (entry, asked) in [(&first, RECORD), (&second, spoilt.as_str())] {
        let out = format!("asked-{entry}.json");
        site.succeed(&format!("{open} {entry} --identity board.key --out {out}"));
        assert_eq!(std::fs::read_to_string(site.path(&out)).unwrap(), asked);
        assert_eq!(std::fs::metadata(site.path(&out)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for (line, words) in [
        (format!("{open} {first} --identity board.key --out asked-{first}.json"), "nothing is overwritten"),
        (format!("{open} {first} --identity other.key --out x"), "was kept for others, or was changed"),
        (format!("{open} {first} --identity board.txt --out x"), "chmod 600"),
        (format!("{open} 1 --identity board.key --out x"), "entry 1 is no call"),
        (format!("{open} 999 --identity board.key --out x"), "there is no entry 999"),
    ] {
        let said = site.fail(&line);
        assert!(said.contains(words) && !said.contains("Canary"), "{line}: {said}");
    }
    assert!(!site.path("x").exists());

    // Nothing of it can be read by who has the disk and the server's keys alone; and what is put there isn't taken for it.
    let kept: Vec<_> = site
        .all_files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "age"))
        .collect();
    assert_eq!(kept.len(), 2);
    for path in &kept {
        assert!(!std::fs::read(path).unwrap().windows(6).any(|window| window == b"Canary"));
    }
    let forged = age::encrypt(&identity.to_public(), b"{}").unwrap();
    kept.iter().for_each(|path| std::fs::write(path, &forged).unwrap());
    let said = site.fail(&format!("{open} {first} --identity board.key --out x"));
    assert!(said.contains("is not what the entry says that was asked"), "{said}");

    // Where it can't be kept nothing is answered.
    std::fs::remove_dir_all(site.path("inputs")).unwrap();
    site.file("inputs", "in the way");
    assert_eq!(entry(&RECORD.replace("{", "{ ")).0, 503);
}

#[test]
fn nothing_is_kept_unasked_or_for_nobody() {
    let site = Site::new();
    site.file("nobody.txt", "# nobody\n");
    let model = super::model();
    let start = format!("serve --listen 127.0.0.1:0 --model {model}");
    for (line, words) in [
        (format!("{start} --governance site --keep-inputs inputs"), "--keep-inputs-for"),
        (format!("{start} --keep-inputs inputs --keep-inputs-for nobody.txt"), "keeps nothing"),
        (
            format!("{start} --governance site --keep-inputs inputs --keep-inputs-for nobody.txt"),
            "nobody could read",
        ),
    ] {
        let said = site.fail(&line);
        assert!(said.contains(words), "{line}: {said}");
    }
    assert!(!site.path("inputs").exists());
}
