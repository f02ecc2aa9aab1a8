//! What a CDS Hooks call's prefetch lacks, fetched from a FHIR server that the operator named; and every way in which a caller
//! might have something else opened.

use crate::{
    call::{Answer, governed, post, ungoverned},
    cds::call,
    fake::FakePredictor,
};
use axum::Router;
use serde_json::{Value, json};
use serve::{AddressRule, FetchLimits, FhirServers, ServeSettings};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PATH: &str = "/cds-services/osler-patient-view";
const TOKEN: &str = "canary.Token-77~x";

/// How a request is answered: by path and query.
#[derive(Clone)]
enum Reply {
    Json(Value),
    /// Status line, further headers, body.
    Raw(&'static str, String, Vec<u8>),
    /// It is never answered.
    Silence,
}

/// A FHIR server on a port of its own, which keeps the requests that it got.
#[derive(Clone)]
struct FhirServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FhirServer {
    async fn start(replies: impl Fn(SocketAddr) -> HashMap<String, Reply>) -> FhirServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies = Arc::new(replies(address));
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = FhirServer { address, requests: requests.clone() };
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (replies, requests) = (replies.clone(), requests.clone());
                tokio::spawn(async move { serve_one(stream, &replies, &requests).await });
            }
        });
        server
    }

    fn base(&self) -> String {
        format!("http://{}/r4", self.address)
    }

    /// Paths and queries, sorted.
    fn targets(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let mut targets: Vec<String> =
            requests.iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect();
        targets.sort();
        targets
    }
}

async fn serve_one(mut stream: TcpStream, replies: &HashMap<String, Reply>, requests: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    requests.lock().unwrap().push(head);
    let (status, headers, body) = match replies.get(&target).cloned() {
        Some(Reply::Json(value)) => (
            "200 OK",
            "content-type: application/fhir+json; charset=utf-8\r\n".to_owned(),
            value.to_string().into_bytes(),
        ),
        Some(Reply::Raw(status, headers, body)) => (status, headers, body),
        Some(Reply::Silence) => return tokio::time::sleep(Duration::from_secs(60)).await,
        None => ("404 Not Found", String::new(), Vec::new()),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

fn query(kind: &str, sort: &str, count: u32) -> String {
    format!("/r4/{kind}?patient=p&_sort=-{sort}&_count={count}")
}

fn conditions() -> String {
    query("Condition", "recorded-date", 500)
}

fn observations() -> String {
    query("Observation", "date", 500)
}

/// The record of the call, as the EHR's server holds it.
fn replies(_: SocketAddr) -> HashMap<String, Reply> {
    let sent = call();
    let empty = json!({"resourceType": "Bundle", "type": "searchset"});
    HashMap::from([
        ("/r4/Patient/p".to_owned(), Reply::Json(sent["prefetch"]["patient"].clone())),
        (conditions(), Reply::Json(sent["prefetch"]["conditions"].clone())),
        (observations(), Reply::Json(sent["prefetch"]["observations"].clone())),
        (query("MedicationRequest", "authoredon", 500), Reply::Json(empty.clone())),
        (query("Procedure", "date", 200), Reply::Json(empty.clone())),
        (query("Encounter", "date", 200), Reply::Json(empty.clone())),
        (query("Immunization", "date", 100), Reply::Json(empty)),
    ])
}

fn limits() -> FetchLimits {
    FetchLimits { time: Duration::from_millis(800), ..FetchLimits::default() }
}

fn service(named: &[String], limits: FetchLimits) -> Router {
    let trusted = rcgen::generate_simple_self_signed(vec!["ehr.example".to_owned()]).unwrap().cert.pem();
    let servers = FhirServers::new(named, trusted.as_bytes(), AddressRule::Public, limits).unwrap();
    governed(
        Arc::new(FakePredictor::default()),
        ungoverned().with_fhir_servers(servers),
        ServeSettings::default(),
    )
}

/// The call without these prefetch keys, and with that server to ask.
fn lacking(keys: &[&str], server: &str) -> Value {
    let mut call = call();
    for key in keys {
        call["prefetch"].as_object_mut().unwrap().remove(*key);
    }
    call["fhirServer"] = json!(server);
    call["fhirAuthorization"] = json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "osler"});
    call
}

const ALL: [&str; 7] =
    ["patient", "conditions", "observations", "medications", "procedures", "encounters", "immunizations"];

fn cards(answer: &Answer) -> usize {
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    answer.json()["cards"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_lacks_is_fetched_by_the_templates_own_queries_and_nothing_else() {
    let server = FhirServer::start(replies).await;
    let service = service(&[server.base()], limits());
    let whole = post(&service, PATH, &call()).await;
    assert!(server.targets().is_empty(), "nothing lacked, and nothing was asked");

    let mut nothing = lacking(&ALL, &server.base());
    nothing.as_object_mut().unwrap().remove("prefetch");
    let fetched = post(&service, PATH, &nothing).await;
    assert_eq!(cards(&fetched), 1);
    let detail = |answer: &Answer| answer.json()["cards"][0]["detail"].clone();
    assert_eq!(detail(&fetched), detail(&whole), "the same record, the same card");
    let mut wanted: Vec<String> = replies(server.address).into_keys().collect();
    wanted.sort();
    assert_eq!(server.targets(), wanted);
    for head in server.requests.lock().unwrap().iter() {
        assert!(
            head.starts_with("GET ") && head.contains(&format!("authorization: Bearer {TOKEN}\r\n")),
            "{head}"
        );
        assert!(head.contains(&format!("host: {}\r\n", server.address)), "{head}");
    }

    // What was sent is not asked again, null included; an OperationOutcome is asked.
    server.requests.lock().unwrap().clear();
    let mut some = lacking(&["observations"], &format!("{}/", server.base()));
    some["prefetch"]["conditions"] = json!({"resourceType": "OperationOutcome", "issue": []});
    assert_eq!(cards(&post(&service, PATH, &some).await), 1);
    assert_eq!(server.targets(), [conditions(), observations()]);
}

#[tokio::test]
async fn without_a_named_server_nothing_is_opened() {
    let server = FhirServer::start(replies).await;
    let off = crate::call::service();
    let message =
        post(&off, PATH, &lacking(&["conditions"], &server.base())).await.error(412, "precondition_failed");
    assert!(message.contains("prefetch.conditions is needed and was not sent; see"), "{message}");

    let on = service(&[server.base()], limits());
    let mut without_token = lacking(&["conditions"], &server.base());
    without_token.as_object_mut().unwrap().remove("fhirAuthorization");
    let message = post(&on, PATH, &without_token).await.error(412, "precondition_failed");
    assert!(message.contains("nor are there a fhirServer and a fhirAuthorization"), "{message}");
    assert!(server.targets().is_empty());
}

#[tokio::test]
async fn no_address_that_only_a_caller_names_is_opened() {
    let server = FhirServer::start(replies).await;
    let other = FhirServer::start(replies).await;
    let service = service(&[format!("{}/", server.base()), "https://ehr.example/fhir".to_owned()], limits());
    let port = other.address.port();
    let named = server.address.port();
    for address in [
        format!("http://127.0.0.1:{port}/r4"),
        format!("http://localhost:{port}/r4"),
        format!("http://localhost:{named}/r4"),
        format!("http://[::ffff:127.0.0.1]:{named}/r4"),
        format!("http://127.1:{named}/r4"),
        format!("http://2130706433:{named}/r4"),
        format!("http://0x7f000001:{named}/r4"),
        format!("http://127.0.0.1:{named}/r5"),
        format!("http://127.0.0.1:{named}/"),
        format!("http://127.0.0.1:{named}/r4/../admin"),
        format!("http://127.0.0.1:{named}/r4/%2e%2e/admin"),
        format!("http://127.0.0.1:{named}/r4?x="),
        format!("http://127.0.0.1:{named}/r4#x"),
        format!("http://127.0.0.1:{named}@127.0.0.1:{port}/r4"),
        format!("http://user:word@127.0.0.1:{named}/r4"),
        format!("http://127.0.0.1:{named}\\@127.0.0.1:{port}/r4"),
        format!("http://127.0.0.1:{named}.evil.example/r4"),
        "https://ehr.example.evil.example/fhir".to_owned(),
        "https://ehr.example:8443/fhir".to_owned(),
        "http://ehr.example/fhir".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[fd00:ec2::254]/latest".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:25/x".to_owned(),
        String::new(),
    ] {
        let message =
            post(&service, PATH, &lacking(&["conditions"], &address)).await.error(412, "precondition_failed");
        assert!(message.contains("not among the servers that this one may ask"), "{address}: {message}");
        assert!(address.is_empty() || !message.contains(&address), "{message}");
    }
    for not_text in [json!(7), json!(["http://127.0.0.1/"]), json!({"url": "x"})] {
        let mut call = lacking(&["conditions"], "");
        call["fhirServer"] = not_text;
        post(&service, PATH, &call).await.error(400, "invalid_request");
    }
    assert!(server.targets().is_empty() && other.targets().is_empty());
}

#[tokio::test]
async fn a_name_that_means_a_machine_within_is_not_opened() {
    // `localhost` stands for a name whose owner lets it mean this machine: with TLS it is a name like any other.
    let server = FhirServer::start(replies).await;
    let port = server.address.port();
    let pem = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
    let named = [format!("https://localhost:{port}/r4")];
    for rule in [AddressRule::Public, AddressRule::PrivateToo] {
        let servers = FhirServers::new(&named, pem.as_bytes(), rule, limits()).unwrap();
        let service = governed(
            Arc::new(FakePredictor::default()),
            ungoverned().with_fhir_servers(servers),
            ServeSettings::default(),
        );
        let message = post(&service, PATH, &lacking(&["conditions"], &named[0]))
            .await
            .error(412, "precondition_failed");
        assert!(message.contains("fhirServer did not give it"), "{message}");
    }
    assert!(server.targets().is_empty());
}

#[tokio::test]
async fn a_patients_id_is_an_id_and_a_token_one_word() {
    let server = FhirServer::start(replies).await;
    let service = service(&[server.base()], limits());
    for id in
        ["p/../../admin", "p?x=1", "p&_include=*", "..", "p p", "p\r\nx: y", "p%2f", "ü", &"x".repeat(65)]
    {
        let mut call = lacking(&["conditions"], &server.base());
        call["context"]["patientId"] = json!(id);
        let message = post(&service, PATH, &call).await.error(400, "invalid_request");
        assert!(message.contains("no FHIR id"), "{message}");
    }
    for (token, kind) in [
        ("a b", "Bearer"),
        ("a\r\nx-evil: 1", "Bearer"),
        ("", "Bearer"),
        (TOKEN, "Basic"),
        (&"x".repeat(9000), "Bearer"),
    ] {
        let mut call = lacking(&["conditions"], &server.base());
        call["fhirAuthorization"] = json!({"access_token": token, "token_type": kind});
        let message = post(&service, PATH, &call).await.error(400, "invalid_request");
        assert!(message.contains("no Bearer token") && !message.contains("evil"), "{message}");
    }
    assert!(server.targets().is_empty());
}

/// The answer to a call that lacks conditions, where the server replies so.
async fn when(reply: Reply, limits: FetchLimits) -> (Answer, FhirServer) {
    let server = FhirServer::start(move |_| HashMap::from([(conditions(), reply.clone())])).await;
    let service = service(&[server.base()], limits);
    (post(&service, PATH, &lacking(&["conditions"], &server.base())).await, server)
}

#[tokio::test]
async fn redirects_refusals_and_answers_that_are_none_give_412() {
    let elsewhere = FhirServer::start(replies).await;
    let location =
        format!("content-type: application/fhir+json\r\nlocation: {}{}\r\n", elsewhere.base(), "/Condition");
    let json = "content-type: application/fhir+json\r\n".to_owned();
    let whole = call()["prefetch"]["conditions"].to_string().into_bytes();
    for (status, headers, body) in [
        ("302 Found", location.clone(), Vec::new()),
        ("307 Temporary Redirect", location, whole.clone()),
        ("401 Unauthorized", json.clone(), whole.clone()),
        ("403 Forbidden", json.clone(), Vec::new()),
        ("500 Internal Server Error", json.clone(), whole.clone()),
        ("204 No Content", json.clone(), Vec::new()),
        ("200 OK", "content-type: text/html\r\n".to_owned(), b"<html>Canary</html>".to_vec()),
        ("200 OK", format!("{json}content-encoding: gzip\r\n"), whole.clone()),
        ("200 OK", json.clone(), b"{\"resourceType\": \"Bundle\", ".to_vec()),
        ("200 OK", json.clone(), vec![0xff, 0xfe]),
        ("200 OK", json.clone(), Vec::new()),
    ] {
        let (answer, _) = when(Reply::Raw(status, headers, body), limits()).await;
        let message = answer.error(412, "precondition_failed");
        assert!(
            message.contains("fhirServer did not give it") && !message.contains("Canary"),
            "{status}: {message}"
        );
    }
    assert!(elsewhere.targets().is_empty(), "no redirect was followed");
    // JSON that isn't what was asked for is told as it would be of a prefetch.
    let (answer, _) = when(Reply::Json(json!({"resourceType": "Patient", "id": "p"})), limits()).await;
    answer.error(400, "invalid_request");
    let (answer, _) = when(Reply::Json(json!({"resourceType": "OperationOutcome"})), limits()).await;
    answer.error(412, "precondition_failed");
}

#[tokio::test]
async fn time_size_and_calls_at_once_are_bounded() {
    let begun = std::time::Instant::now();
    let (answer, _) = when(Reply::Silence, limits()).await;
    assert!(answer.error(412, "precondition_failed").contains("did not give it"));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    let big = json!({"resourceType": "Bundle", "entry": [], "id": "x".repeat(5000)});
    let small = FetchLimits { answer_bytes: 4096, ..limits() };
    let (answer, _) = when(Reply::Json(big.clone()), small).await;
    answer.error(412, "precondition_failed");
    let small = FetchLimits { call_bytes: 4096, ..limits() };
    let (answer, _) = when(Reply::Json(big), small).await;
    answer.error(412, "precondition_failed");

    let server = FhirServer::start(|_| HashMap::from([(conditions(), Reply::Silence)])).await;
    let service = service(&[server.base()], FetchLimits { calls: 1, ..limits() });
    let asked = lacking(&["conditions"], &server.base());
    let ask = || async { post(&service, PATH, &asked).await.error(412, "precondition_failed") };
    let (one, other) = tokio::join!(ask(), ask());
    let busy = [&one, &other].into_iter().filter(|m| m.contains("too much is being fetched")).count();
    assert_eq!(busy, 1, "{one} | {other}");
}

#[tokio::test]
async fn pages_are_followed_within_the_server_and_no_further() {
    let page = |next: &str, code: &str| {
        let mut page = call()["prefetch"]["conditions"].clone();
        page["entry"][0]["resource"]["code"]["coding"][0]["code"] = json!(code);
        page["link"] = json!([{"relation": "self", "url": "x"}, {"relation": "next", "url": next}]);
        Reply::Json(page)
    };
    let paged = move |address: SocketAddr| {
        let mut all = replies(address);
        let next = |n: u32| format!("http://{address}/r4?_page={n}");
        all.insert(conditions(), page(&next(2), "I10"));
        all.insert("/r4?_page=2".to_owned(), page(&next(3), "E78.5"));
        let mut last = call()["prefetch"]["conditions"].clone();
        last["entry"][0]["resource"]["code"]["coding"][0]["code"] = json!("M17.9");
        all.insert("/r4?_page=3".to_owned(), Reply::Json(last));
        all
    };
    let server = FhirServer::start(paged).await;
    let asked = lacking(&["conditions"], &server.base());
    let detail = |answer: &Answer| answer.json()["cards"][0]["detail"].as_str().unwrap().to_owned();
    let whole = post(&service(&[server.base()], limits()), PATH, &asked).await;
    assert_eq!(server.targets().len(), 3);
    assert!(!detail(&whole).contains("Not all conditions"), "{}", detail(&whole));
    let cut = post(&service(&[server.base()], FetchLimits { pages: 2, ..limits() }), PATH, &asked).await;
    assert!(detail(&cut).contains("Not all conditions"), "{}", detail(&cut));

    // A next page elsewhere is not opened, and is told as a gap.
    let elsewhere = FhirServer::start(replies).await;
    for next in [
        format!("{}/Condition?x=1", elsewhere.base()),
        format!("http://{}/admin?_page=2", server.address),
        "//evil.example/r4?_page=2".to_owned(),
        "https://ehr.example/r4?_page=2".to_owned(),
    ] {
        let lured = FhirServer::start(move |address| {
            let mut all = replies(address);
            all.insert(conditions(), {
                let mut page = call()["prefetch"]["conditions"].clone();
                page["link"] = json!([{"relation": "next", "url": next.clone()}]);
                Reply::Json(page)
            });
            all
        })
        .await;
        let service = service(&[lured.base()], limits());
        let answer = post(&service, PATH, &lacking(&["conditions"], &lured.base())).await;
        assert!(detail(&answer).contains("Not all conditions"), "{}", detail(&answer));
        assert_eq!(lured.targets(), [conditions()]);
    }
    assert!(elsewhere.targets().is_empty());
}

#[tokio::test]
async fn another_patients_record_is_not_taken() {
    let server = FhirServer::start(|_| {
        let other =
            json!({"resourceType": "Patient", "id": "other", "gender": "male", "birthDate": "1980-01-01"});
        HashMap::from([("/r4/Patient/p".to_owned(), Reply::Json(other))])
    })
    .await;
    let service = service(&[server.base()], limits());
    let message =
        post(&service, PATH, &lacking(&["patient"], &server.base())).await.error(400, "invalid_request");
    assert!(message.contains("not the patient that context.patientId names"), "{message}");
}

#[test]
fn what_an_operator_may_not_name_is_refused() {
    for address in [
        "http://ehr.example/fhir",
        "ehr.example/fhir",
        "https://ehr.example/fhir?x=1",
        "https://user@ehr.example/fhir",
        "https://ehr.example/a/../b",
        "",
    ] {
        let refused = FhirServers::new(&[address.to_owned()], &[], AddressRule::Public, limits());
        assert!(refused.unwrap_err().to_string().contains("https://ehr.example/fhir"), "{address}");
    }
    let secure = ["https://ehr.example/fhir".to_owned()];
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(FhirServers::new(&secure, pem.as_bytes(), AddressRule::Public, limits()).is_err());
    }
}

/// The same replies, over TLS, with a certificate of this key.
async fn start_tls(certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> SocketAddr {
    use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::ring, version},
    };
    let key = PrivateKeyDer::from_pem_slice(certified.signing_key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let body = call()["prefetch"]["conditions"].to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_gets_no_token() {
    let certified = || rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (shown, other) = (certified(), certified());
    let address = start_tls(&shown).await;
    let named = [format!("https://{address}/r4")];
    let asked = lacking(&["conditions"], &named[0]);
    for (trusted, status) in [(&shown, 200), (&other, 412)] {
        let pem = trusted.cert.pem();
        let servers =
            FhirServers::new(&named, pem.as_bytes(), AddressRule::Public, FetchLimits::default()).unwrap();
        let service = governed(
            Arc::new(FakePredictor::default()),
            ungoverned().with_fhir_servers(servers),
            ServeSettings::default(),
        );
        assert_eq!(post(&service, PATH, &asked).await.status.as_u16(), status);
    }
}
