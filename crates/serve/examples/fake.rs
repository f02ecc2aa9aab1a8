//! The doors and the console over a stand-in for a model: `cargo run -p serve --example fake [address]`.

#[allow(clippy::unwrap_used, reason = "a lock that no panic can poison here")]
#[path = "../tests/doors/fake.rs"]
mod fake;

use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let governance = serve::Governance::open(Arc::new(|| events::Time::from_micros(0)));
    let predictor = Arc::new(fake::FakePredictor::default());
    let state = serve::AppState::new(predictor, governance, serve::ServeSettings::default())?;
    let interrupted = async {
        // Without a handler for signals the process ends all the same.
        let _ = tokio::signal::ctrl_c().await;
    };
    Ok(serve::serve(listener, state, interrupted).await?)
}
