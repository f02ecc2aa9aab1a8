//! Futures: what is drawn, how it is told meanwhile, and that nobody draws for a caller who left.

use crate::{
    call::{get, post, post_text, service, service_with},
    fake::{FakePredictor, record},
    ledger::recorded,
};
use serde_json::{Value, json};
use serve::{ServeSettings, Stage};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// The events of a stream: name, id, data.
fn events(text: &str) -> Vec<(String, String, Value)> {
    let event = |block: &str| {
        let field = |name: &str| {
            block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        (field("event: "), field("id: "), serde_json::from_str(&field("data: ")).unwrap())
    };
    text.split_terminator("\n\n").map(event).collect()
}

fn slow(milliseconds: u64) -> Arc<FakePredictor> {
    Arc::new(FakePredictor { slow: Duration::from_millis(milliseconds), ..Default::default() })
}

#[tokio::test]
async fn futures_are_answered_with_what_they_say() {
    let service = service();
    let asked = json!({"patient": record(&["ICD10CM//I10"]), "codes": ["MEDS_DEATH", "ICD10CM//I50.9"],
        "horizons_days": [30, 200.5], "trajectories": 100, "futures": 2, "seed": 7});
    let answer = post(&service, "/v1/simulate", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    assert_eq!((&answer["seed"], &answer["trajectories"]), (&json!(7), &json!(100)));
    assert_eq!(answer["horizons_days"], json!([30, 200.5]));
    assert_eq!(answer["risks"].as_array().unwrap().len(), 2);
    assert_eq!(answer["risks"][0]["probability"], json!([0.25, 0.25]));
    assert_eq!(answer["futures"].as_array().unwrap().len(), 2);
    assert_eq!(
        answer["futures"][0],
        json!({"events": [{"days": 40.5, "code": "ICD10CM//I10", "value_rank": null}], "end": "horizon"})
    );
    let one = post(&service, "/v1/simulate", &record(&[])).await.json();
    assert_eq!((&one["horizons_days"], &one["futures"]), (&json!([365]), &json!([])));
    let single =
        post(&service, "/v1/simulate", &json!({"patient": record(&[]), "trajectories": 1})).await.json();
    assert_eq!(single["risks"][0]["standard_error"], json!([null]));
}

#[tokio::test]
async fn what_cannot_be_drawn_is_said() {
    let service = service();
    let patient = record(&[]);
    for (field, value) in [
        ("trajectories", json!(0)),
        ("trajectories", json!(1001)),
        ("futures", json!(21)),
        ("horizons_days", json!([])),
        ("horizons_days", json!([30, 30])),
        ("horizons_days", json!([0])),
        ("horizons_days", json!([3651])),
        ("horizons_days", json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])),
        ("codes", json!(["Ann Canary"])),
        ("seed", json!(-1)),
        ("patients", json!([])),
    ] {
        let mut asked = json!({"patient": patient});
        asked[field] = value;
        let message = post(&service, "/v1/simulate", &asked).await.error(400, "invalid_request");
        assert!(!message.contains("Canary"));
    }
    post(&service, "/v1/simulate", &record(&["TEST//OUT_OF_SCOPE"])).await.error(422, "out_of_scope");
    for fault in ["TEST//PANIC", "TEST//NAN"] {
        post(&service, "/v1/simulate", &record(&[fault])).await.error(500, "predictor_failed");
    }
    assert_eq!(post(&service, "/v1/simulate", &record(&[])).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_comes_first_then_the_answer_with_its_place_on_record() {
    let recorded = recorded(Stage::Live);
    let asked = json!({"patient": record(&[]), "trajectories": 300, "stream": true, "seed": 1});
    let answer = post(&recorded.service, "/v1/simulate", &asked).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
    let events = events(&answer.text);
    let (last, progress) = events.split_last().unwrap();
    assert!(progress.iter().all(|(name, _, data)| name == "progress" && data["of"] == 300), "{events:?}");
    assert_eq!((last.0.as_str(), &last.2["trajectories"]), ("answer", &json!(300)));
    let calls = recorded.calls();
    let [call] = &calls[..] else { panic!("{} calls", calls.len()) };
    assert_eq!((call.status, call.withheld, call.output.as_ref()), (200, false, Some(&last.2)));
    assert!(last.1.starts_with("1:"), "{last:?}");
    let failed = json!({"patient": record(&["TEST//NAN"]), "stream": true});
    let answer = post(&recorded.service, "/v1/simulate", &failed).await;
    let (name, id, error) = self::events(&answer.text).pop().unwrap();
    assert_eq!((name.as_str(), &error["error"]["code"]), ("error", &json!("predictor_failed")));
    assert!(id.starts_with("2:") && recorded.calls()[1].status == 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_model_s_futures_are_recorded_and_kept_back_from_streams_too() {
    let recorded = recorded(Stage::Silent);
    let asked = json!({"patient": record(&[]), "stream": true});
    let answer = post(&recorded.service, "/v1/simulate", &asked).await;
    assert!(!answer.text.contains("probability"), "{}", answer.text);
    let (name, id, error) = events(&answer.text).pop().unwrap();
    assert_eq!((name.as_str(), &error["error"]["code"]), ("error", &json!("withheld")));
    let call = recorded.calls().pop().unwrap();
    assert!(call.withheld && call.status == 200 && id.starts_with("1:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_draws_for_a_caller_who_left_and_few_are_drawn_for_at_once() {
    let predictor = slow(20);
    let settings = ServeSettings { max_simulations: 1, ..Default::default() };
    let service = service_with(predictor.clone(), settings);
    let asked = json!({"patient": record(&[]), "trajectories": 1000});
    let first = tokio::spawn({
        let (service, asked) = (service.clone(), asked.clone());
        async move { post(&service, "/v1/simulate", &asked).await.status }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    post(&service, "/v1/simulate", &asked).await.error(429, "overloaded");
    first.abort();
    while predictor.batches.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(predictor.batches.lock().unwrap()[0] < 1000, "it was drawn to the end for nobody");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(post(&service, "/v1/simulate", &record(&[])).await.status, 200, "there is a turn again");
    assert!(get(&service, "/metrics").await.text.contains("status=\"499\"} 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drawing_that_takes_too_long_is_504() {
    let settings = ServeSettings { simulation_timeout: Duration::from_millis(50), ..Default::default() };
    let service = service_with(slow(40), settings);
    let asked = json!({"patient": record(&[]), "trajectories": 1000});
    post(&service, "/v1/simulate", &asked).await.error(504, "deadline_exceeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_sends_nothing_takes_no_turn() {
    let service = service_with(slow(0), ServeSettings { max_simulations: 1, ..Default::default() });
    let idle = (0..3).map(|_| {
        let service = service.clone();
        tokio::spawn(async move {
            let (_sender, body) = tokio::sync::mpsc::channel::<()>(1);
            let body = axum::body::Body::new(Never(body));
            post_text(&service, "/v1/simulate", body).await
        })
    });
    let idle: Vec<_> = idle.collect();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(idle.iter().all(|idle| !idle.is_finished()));
    assert_eq!(post(&service, "/v1/simulate", &record(&[])).await.status, 200);
    idle.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A body that is on its way for ever.
struct Never(tokio::sync::mpsc::Receiver<()>);

impl axum::body::HttpBody for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        self.0.poll_recv(context).map(|_| None)
    }
}
