//! Servers in trouble, and servers that lie.

use crate::{
    check_good, download, export, good, limits, lines, manifest, request,
    server::{Asked, Reply, Server},
    settings,
};
use fetch::{
    Base, Error,
    bulk::{Credentials, Export, ExportLimits, ExportSettings, Progress},
};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};

/// What comes of an export from a server that answers so.
async fn from(
    answers: impl Fn(SocketAddr, &Asked) -> Reply + Send + Sync + 'static,
    limits: ExportLimits,
) -> (Result<(), Error>, Server) {
    let server = Server::start(answers).await;
    let home = tempfile::tempdir().unwrap();
    let settings = ExportSettings { limits, ..settings(Credentials::Nobody) };
    let export = Export::new(request(&server), settings).unwrap();
    let directory = home.path().join("export");
    let result = download(&export, &directory).await;
    (result.map(|downloaded| check_good(&directory, &downloaded)), server)
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    type Answers = fn(SocketAddr, &Asked) -> Option<Reply>;
    let troubles: [(&str, Answers); 9] = [
        ("429 at the beginning", |_, asked| {
            (asked.target.contains("$export") && asked.before < 2)
                .then(|| Reply::status(429).header("retry-after: 1"))
        }),
        ("503 at the beginning, with a date", |_, asked| {
            let date = "retry-after: Thu, 01 Jan 2026 00:00:00 GMT";
            (asked.target.contains("$export") && asked.before < 2).then(|| Reply::status(503).header(date))
        }),
        ("429 for asking too often", |_, asked| {
            (asked.target.contains("/jobs/") && asked.before < 9).then(|| Reply::status(429))
        }),
        ("errors while it waits", |_, asked| {
            let status = [500, 502, 503].get(asked.before);
            status.filter(|_| asked.target.contains("/jobs/")).map(|status| Reply::status(*status))
        }),
        ("a transient issue", |_, asked| {
            let issue = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "transient"}]});
            (asked.target.contains("/jobs/") && asked.before == 0)
                .then(|| Reply { status: 500, ..Reply::json(issue) })
        }),
        ("a list that is cut", |address, asked| {
            (asked.target.contains("/jobs/") && asked.before == 1)
                .then(|| Reply { cut: Some(20), ..good(address, asked) })
        }),
        ("errors of files", |_, asked| {
            (asked.target.contains("/files/") && asked.before < 3)
                .then(|| Reply::status([429, 503, 500][asked.before]))
        }),
        ("a silence in mid-file", |address, asked| {
            (asked.target.contains("/files/") && asked.before == 0).then(|| Reply {
                cut: Some(10),
                stall: true,
                ..good(address, asked)
            })
        }),
        ("a file that is wrong once", |_, asked| {
            (asked.target.contains("/files/") && asked.before == 0)
                .then(|| Reply::ndjson("<html>Canary</html>"))
        }),
    ];
    for (what, trouble) in troubles {
        let answers = move |address: SocketAddr, asked: &Asked| {
            trouble(address, asked).unwrap_or_else(|| {
                // What the good server says the first time may be over by then.
                good(address, &Asked { before: asked.before + 1, ..asked.clone() })
            })
        };
        let (result, _) = from(answers, limits()).await;
        result.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[tokio::test]
async fn a_pause_that_a_server_asks_for_is_kept_and_told() {
    for path in ["$export", "/jobs/", "/files/"] {
        let server =
            Server::start(move |address, asked| match asked.target.contains(path) && asked.before == 0 {
                true => Reply::status(503).header("retry-after: 1"),
                false => good(address, &Asked { before: 1, ..asked.clone() }),
            })
            .await;
        let home = tempfile::tempdir().unwrap();
        // Longer than any pause of its own.
        let limits = ExportLimits { longest_asked: Duration::from_secs(3_600), ..limits() };
        let settings = ExportSettings { limits, ..settings(Credentials::Nobody) };
        let export = Export::new(request(&server), settings).unwrap();
        let progress = Progress::default();
        let begun = std::time::Instant::now();
        let watch = async {
            while progress.pause().is_zero() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            progress.pause()
        };
        let directory = home.path().join("export");
        let (result, told) = tokio::join!(
            export.download(&directory, &progress),
            tokio::time::timeout(Duration::from_secs(10), watch)
        );
        check_good(&directory, &result.unwrap());
        assert_eq!(told.unwrap(), Duration::from_secs(1), "{path}");
        assert!(begun.elapsed() >= Duration::from_secs(1) && progress.pause().is_zero(), "{path}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_told() {
    type Answers = fn(SocketAddr, &Asked) -> Option<Reply>;
    let troubles: [(&str, Answers); 12] = [
        ("asking for the export ($export): the server answered 404", |_, asked| {
            asked.target.contains("$export").then(|| Reply::status(404))
        }),
        ("the server answered 400 (not-supported)", |_, asked| {
            let issue = json!({"issue": [{"code": "not-supported", "diagnostics": "Canary"}]});
            asked.target.contains("$export").then(|| Reply { status: 400, ..Reply::json(issue) })
        }),
        ("the server answered 502", |_, asked| asked.target.contains("$export").then(|| Reply::status(502))),
        ("the server answered at once", |_, asked| {
            asked.target.contains("$export").then(|| Reply::json(json!({"resourceType": "Bundle"})))
        }),
        ("didn't say where to ask for it", |_, asked| {
            asked.target.contains("$export").then(|| Reply::status(202))
        }),
        ("a link that can't be followed", |_, asked| {
            let place = "content-location: /r4/jobs/Canary";
            asked.target.contains("$export").then(|| Reply::status(202).header(place))
        }),
        ("the server answered 500 (exception)", |_, asked| {
            let issue = json!({"issue": [{"code": "exception", "diagnostics": "Canary"}]});
            asked.target.contains("/jobs/").then(|| Reply { status: 500, ..Reply::json(issue) })
        }),
        ("the export is no longer there", |_, asked| {
            asked.target.contains("/jobs/").then(|| Reply::status(404))
        }),
        ("the server answered 503", |_, asked| asked.target.contains("/jobs/").then(|| Reply::status(503))),
        ("the list of files isn't as the standard has it", |_, asked| {
            asked.target.contains("/jobs/").then(|| Reply::json(json!({"Canary": 1})))
        }),
        ("the export's files may have expired", |_, asked| {
            asked.target.contains("/files/").then(|| Reply::status(410))
        }),
        ("fetching a file: no connection", |address, asked| {
            asked.target.contains("/files/").then(|| Reply { cut: Some(0), ..good(address, asked) })
        }),
    ];
    for (words, trouble) in troubles {
        let (result, server) = from(
            move |address, asked| trouble(address, asked).unwrap_or_else(|| good(address, asked)),
            limits(),
        )
        .await;
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{words}: {message}");
        assert!(server.lines().len() < 20, "{words}: {:?}", server.lines());
    }
}

#[tokio::test]
async fn a_number_of_resources_that_is_wrong_twice_is_told() {
    for wrong in [399, 401] {
        let answers = move |address: SocketAddr, asked: &Asked| match asked.target.as_str() {
            "/files/Canary?sig=2" => Reply::ndjson(lines("Condition", wrong)),
            _ => good(address, asked),
        };
        let (result, server) = from(answers, limits()).await;
        let message = result.unwrap_err().to_string();
        assert!(
            message.contains("Condition.part-00002.ndjson: it holds another number of resources"),
            "{message}"
        );
        assert_eq!(server.times("GET /files/Canary?sig=2"), 2);
    }
}

#[tokio::test]
async fn what_is_no_json_or_may_have_been_cut_is_not_taken() {
    // Where the list doesn't say how many resources there are, and where it does.
    let answers = |count: Option<u64>, file: fn() -> Reply| {
        move |address: SocketAddr, asked: &Asked| match asked.target.as_str() {
            "/r4/jobs/Canary-1" => Reply::json(manifest(
                address,
                &[("Patient", "/files/Canary?sig=1", Some(3)), ("Condition", "/files/Canary?sig=2", count)],
            )),
            "/files/Canary?sig=2" => file(),
            _ => good(address, asked),
        }
    };
    let no_json = || Reply::ndjson(lines("Condition", 399) + "{this is no Canary}\n");
    let within_a_line = || {
        let text = lines("Condition", 400).replace("}\n", ",\"code\":{\"text\":\"Canary\"}}\n");
        let cut = text[..text.len() / 2].rfind("}}").unwrap() + 1;
        Reply { cut: Some(cut), unbounded: true, ..Reply::ndjson(text) }
    };
    let between_lines = || {
        let text = lines("Condition", 400);
        let cut = text[..text.len() / 2].rfind('\n').unwrap() + 1;
        Reply { cut: Some(cut), unbounded: true, ..Reply::ndjson(text) }
    };
    let unsaid = "the server says neither how long a file is nor how many resources it holds";
    let named = |words: &str| format!("Condition.part-00002.ndjson: {words}");
    type File = fn() -> Reply;
    let troubles: [(File, Option<u64>, String); 5] = [
        (no_json, None, named("it holds a line that is no JSON object")),
        (no_json, Some(400), named("it holds a line that is no JSON object")),
        (within_a_line, Some(400), named("it holds a line that is no JSON object")),
        (between_lines, Some(400), named("it holds another number of resources")),
        (between_lines, None, unsaid.to_owned()),
    ];
    for (file, count, words) in troubles {
        let (result, _) = from(answers(count, file), limits()).await;
        let message = result.unwrap_err().to_string();
        assert!(message.contains(&words), "{words}: {message}");
    }
    // Whole, and as many as there should be, it may end as it likes.
    let whole = || Reply { unbounded: true, ..Reply::ndjson(lines("Condition", 400)) };
    from(answers(Some(400), whole), limits()).await.0.unwrap();
}

#[tokio::test]
async fn nothing_is_taken_past_a_limit() {
    let with = |change: fn(&mut ExportLimits)| {
        let mut limits = limits();
        change(&mut limits);
        from(good, limits)
    };
    for (words, (result, _)) in [
        ("a file's size is past the limit of 1000 bytes", with(|limits| limits.file_bytes = 1_000).await),
        ("the size of all files together", with(|limits| limits.all_bytes = 16_000).await),
        ("the number of the export's files", with(|limits| limits.files = 1).await),
        ("the answer is larger than it may be", with(|limits| limits.manifest_bytes = 100).await),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    // What a few bytes unfold to is bounded too.
    let answers = |address: SocketAddr, asked: &Asked| match asked.target.as_str() {
        "/files/Canary?sig=1" => {
            use std::io::Write;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&vec![b' '; 4 << 20]).unwrap();
            Reply::ndjson(encoder.finish().unwrap()).header("content-encoding: gzip")
        }
        _ => good(address, asked),
    };
    let (result, _) = from(answers, ExportLimits { file_bytes: 100_000, ..limits() }).await;
    assert!(result.unwrap_err().to_string().contains("a file's size is past the limit"));
    let begun = std::time::Instant::now();
    let never = |address: SocketAddr, asked: &Asked| match asked.target.contains("/jobs/") {
        true => Reply::status(202),
        false => good(address, asked),
    };
    let (result, _) = from(never, ExportLimits { time: Duration::from_millis(300), ..limits() }).await;
    assert!(matches!(result.unwrap_err(), Error::Late { .. }));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_job_is_asked_for_at_the_servers_own_address_alone() {
    let other = Server::start(good).await;
    let there = other.address;
    let server = Server::start(move |address, asked| match asked.target.contains("$export") {
        true => Reply::status(202).header(format!("content-location: http://{there}/r4/jobs/Canary-1")),
        false => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    // Files may lie there, which need no token; whatever is asked of a job goes with it.
    let hosts = vec![Base::parse(&format!("http://{there}")).unwrap()];
    let token = Credentials::Bearer(fetch::Token::new("Canary-token").unwrap());
    let export = Export::new(request(&server), ExportSettings { hosts, ..settings(token) }).unwrap();
    let error = download(&export, &directory).await.unwrap_err();
    assert!(matches!(&error, Error::Elsewhere { host, .. } if *host == there.to_string()), "{error}");
    assert!(error.to_string().contains("must be at the FHIR server's own host"), "{error}");
    // Nor where it was noted by a run of before.
    let state = directory.join("export.json");
    let mut noted: serde_json::Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    noted["job"] = json!(format!("http://{there}/r4/jobs/Canary-1"));
    std::fs::write(&state, noted.to_string()).unwrap();
    assert!(matches!(download(&export, &directory).await.unwrap_err(), Error::Elsewhere { .. }));
    assert!(matches!(export.call_off(&directory).await.unwrap_err(), Error::Elsewhere { .. }));
    assert!(other.lines().is_empty(), "{:?}", other.lines());
}

/// A server whose files lie on another.
async fn elsewhere(files: &Server, redirect: bool, needs_token: bool) -> Server {
    let there = files.address;
    Server::start(move |address, asked| match asked.target.as_str() {
        "/r4/jobs/Canary-1" if asked.before > 0 => {
            let mut list = manifest(
                if redirect { address } else { there },
                &[
                    ("Patient", "/files/Canary?sig=1", Some(3)),
                    ("Condition", "/files/Canary?sig=2", Some(400)),
                ],
            );
            list["requiresAccessToken"] = json!(needs_token);
            Reply::json(list)
        }
        target if redirect && target.starts_with("/files/") => {
            Reply::status(307).header(format!("location: http://{there}{target}"))
        }
        _ => good(address, asked),
    })
    .await
}

#[tokio::test]
async fn no_server_is_asked_that_was_not_named() {
    for (redirect, needs_token) in [(false, false), (true, false), (false, true), (true, true)] {
        let files = Server::start(good).await;
        let server = elsewhere(&files, redirect, needs_token).await;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("export");
        let error = download(&export(&server), &directory).await.unwrap_err();
        assert!(
            matches!(&error, Error::Elsewhere { host, .. } if *host == files.address.to_string()),
            "{error}"
        );
        assert!(files.lines().is_empty());

        // Named, it is; with the token if the list says that its files need one, and never along a redirect.
        server.asked.lock().unwrap().clear();
        let hosts = vec![Base::parse(&format!("http://{}", files.address)).unwrap()];
        let token = Credentials::Bearer(fetch::Token::new("Canary-token").unwrap());
        let settings = ExportSettings { hosts, ..settings(token) };
        let export = Export::new(request(&server), settings).unwrap();
        // From its beginning: the other run's directory has the list.
        let directory = home.path().join("named");
        let downloaded = download(&export, &directory).await.unwrap();
        check_good(&directory, &downloaded);
        let told = |server: &Server, path: &str| {
            let asked = server.asked.lock().unwrap();
            let asked = asked.iter().filter(|asked| asked.target.starts_with(path));
            asked
                .map(|asked| asked.header("authorization") == Some("Bearer Canary-token"))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&server, "/r4/"), [true; 2], "for the export and its list");
        assert_eq!(told(&files, "/files/"), [needs_token && !redirect; 2]);
        let before_the_redirect = if redirect { vec![needs_token; 2] } else { Vec::new() };
        assert_eq!(told(&server, "/files/"), before_the_redirect);
    }
    // A circle of redirects ends.
    let server = Server::start(|address, asked| match asked.target.starts_with("/files/") {
        true => Reply::status(302).header(format!("location: http://{address}{}", asked.target)),
        false => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let error = download(&export(&server), &home.path().join("export")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 302, .. }), "{error}");
}
