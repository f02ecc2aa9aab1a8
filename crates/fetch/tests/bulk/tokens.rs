//! Tokens of SMART Backend Services: got, used, renewed.

use crate::{
    check_good, download, good, request,
    server::{Asked, Reply, Server},
    settings,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fetch::{
    Error, Link, Token,
    bulk::{Credentials, Export},
    smart::{BackendServices, SigningKey},
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

fn service(endpoint: Option<Link>) -> Credentials {
    let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
    Credentials::BackendServices(Box::new(BackendServices {
        client: "osler".to_owned(),
        key: SigningKey::read(pem.as_bytes(), Some("k1".to_owned())).unwrap(),
        scope: "system/*.read".to_owned(),
        endpoint,
    }))
}

fn export(server: &Server, credentials: Credentials) -> Export {
    Export::new(request(server), settings(credentials)).unwrap()
}

/// A server that gives tokens `Canary-1`, `Canary-2`, …, each good for `uses` requests, and asks for them for files too.
async fn guarded(uses: usize, expires_in: u64) -> Server {
    let (given, used) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    Server::start(move |address, asked| {
        match asked.target.as_str() {
            "/r4/.well-known/smart-configuration" => {
                return Reply::json(json!({"token_endpoint": format!("http://{address}/auth/token"), "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"]}));
            }
            "/auth/token" => {
                let number = given.fetch_add(1, Ordering::SeqCst) + 1;
                used.store(0, Ordering::SeqCst);
                return Reply::json(json!({"access_token": format!("Canary-{number}"), "token_type": "bearer", "expires_in": expires_in}));
            }
            _ => {}
        }
        let right = format!("Bearer Canary-{}", given.load(Ordering::SeqCst));
        if asked.header("authorization") != Some(&right) || used.fetch_add(1, Ordering::SeqCst) >= uses {
            return Reply::status(401);
        }
        let mut reply = good(address, asked);
        if asked.target.contains("/jobs/") && reply.status == 200 {
            let mut manifest: Value = serde_json::from_slice(&reply.body).unwrap();
            manifest["requiresAccessToken"] = json!(true);
            reply = Reply::json(manifest);
        }
        reply
    })
    .await
}

fn assertions(server: &Server) -> Vec<Value> {
    let asked = server.asked.lock().unwrap();
    let of = |asked: &Asked| {
        let form: std::collections::HashMap<_, _> =
            form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["scope"], "system/*.read");
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let claims = form["client_assertion"].split('.').nth(1).unwrap().to_owned();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    };
    asked.iter().filter(|asked| asked.target == "/auth/token").map(of).collect()
}

#[tokio::test]
async fn a_token_is_got_by_a_signature_used_and_renewed_when_it_ends() {
    // One for all; each for one request; and those that end as soon as they are given.
    for (uses, expires_in, tokens) in [(99, 300, 1..=1), (1, 300, 4..=4), (99, 0, 4..=6)] {
        let server = guarded(uses, expires_in).await;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("export");
        let mut limits = crate::limits();
        // Tokens that are good for one request are no use to two at once.
        limits.at_once = 1;
        let settings = fetch::bulk::ExportSettings { limits, ..settings(service(None)) };
        let export = Export::new(request(&server), settings).unwrap();
        let downloaded = download(&export, &directory).await.unwrap();
        check_good(&directory, &downloaded);
        let assertions = assertions(&server);
        assert!(tokens.contains(&assertions.len()), "{} tokens for {uses}, {expires_in}", assertions.len());
        let mut ids = HashSet::new();
        for claims in assertions {
            assert_eq!(claims["aud"], json!(format!("http://{}/auth/token", server.address)));
            assert!(claims["exp"].as_u64().unwrap() <= crate::NOW + 300);
            assert!(ids.insert(claims["jti"].to_string()));
        }
    }
}

#[tokio::test]
async fn a_token_endpoint_elsewhere_must_be_named() {
    let tokens = guarded(99, 300).await;
    let there = tokens.address;
    let server = Server::start(move |address: SocketAddr, asked: &Asked| match asked.target.as_str() {
        "/r4/.well-known/smart-configuration" => {
            Reply::json(json!({"token_endpoint": format!("http://{there}/auth/token")}))
        }
        _ => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let error = download(&export(&server, service(None)), &directory).await.unwrap_err();
    assert!(matches!(&error, Error::Elsewhere { host, .. } if *host == there.to_string()), "{error}");
    assert!(tokens.lines().is_empty());
    let endpoint = Link::parse(&format!("http://{there}/auth/token"));
    let downloaded = download(&export(&server, service(endpoint)), &directory).await.unwrap();
    check_good(&directory, &downloaded);
}

#[tokio::test]
async fn refusals_are_told_by_their_codes() {
    let answer = |body: Value, status: u16| {
        Server::start(move |address, asked| match asked.target.as_str() {
            "/r4/.well-known/smart-configuration" => {
                Reply::json(json!({"token_endpoint": format!("http://{address}/auth/token")}))
            }
            _ => Reply { status, ..Reply::json(body.clone()) },
        })
    };
    for (body, status, words) in [
        (
            json!({"error": "invalid_client", "error_description": "Canary"}),
            401,
            "the server answered 401 (invalid_client); check the client's registration",
        ),
        (json!({"error": "Canary"}), 400, "the server answered 400; check"),
        (json!({"access_token": "Canary"}), 200, "the answer holds no Bearer token"),
        (
            json!({"access_token": "Canary a", "token_type": "bearer"}),
            200,
            "the answer holds no Bearer token",
        ),
        (json!(["Canary"]), 200, "isn't the JSON that it should be"),
        (json!({}), 503, "asking for a token: the server answered 503"),
    ] {
        let server = answer(body, status).await;
        let home = tempfile::tempdir().unwrap();
        let error = download(&export(&server, service(None)), &home.path().join("export")).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    // A token that can't be renewed is not tried again.
    let server = guarded(0, 300).await;
    let home = tempfile::tempdir().unwrap();
    let bearer = Credentials::Bearer(Token::new("Canary-0").unwrap());
    let error = download(&export(&server, bearer), &home.path().join("export")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 401, .. }), "{error}");
    assert_eq!(server.lines().len(), 1);
}
