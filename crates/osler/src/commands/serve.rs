//! `osler serve`: a model behind HTTP.

use crate::model_directory::ModelDirectory;
use crate::precision::PrecisionArguments;
use crate::predictor::ModelPredictor;
use crate::progress::Voice;
use crate::{environment, examples};
use ::serve::{AccessKey, AppState, ServeSettings};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Serve a model: POST /v1/risk, a page with risk curves, OpenAPI, health and metrics.
///
/// Listens on this machine only unless told otherwise. Ends in order on Ctrl-C or SIGTERM: requests under way are
/// answered first.
#[derive(Args)]
#[command(after_help = "Examples:
  osler serve --model model
  osler serve --model model --precision int8
  osler serve --model model --listen 0.0.0.0:8080 --api-key-file api.key
  curl -s localhost:8080/v1/risk -H 'content-type: application/json' -d @request.json")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    pub model: PathBuf,
    /// Address and port; port 0 takes a free one and says which.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// A file with the bearer key that callers must send; else OSLER_API_KEY_FILE. Needed to listen beyond
    /// this machine.
    #[arg(long)]
    pub api_key_file: Option<PathBuf>,
    /// In which numbers it answers.
    #[command(flatten)]
    pub precision: PrecisionArguments,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let key_file = self.api_key_file.clone().or_else(|| environment::path(environment::API_KEY_FILE));
        let access_key = match &key_file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Some(
                    AccessKey::parse(text.trim())
                        .with_context(|| format!("the key in {} can't be used", path.display()))?,
                )
            }
            None if !self.listen.ip().is_loopback() => {
                bail!("--listen {} is reachable from other machines; give --api-key-file", self.listen)
            }
            None => None,
        };
        let filter = environment::text(environment::LOG).unwrap_or_else(|| "info".to_owned());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(
                tracing_subscriber::EnvFilter::try_new(filter).context("OSLER_LOG can't be read")?,
            )
            .with_writer(std::io::stderr);
        // Only fails when a subscriber is set already, which serves as well.
        let _ = subscriber.try_init();
        let directory = ModelDirectory::open(&self.model, &[])?.with_precision(self.precision.precision());
        let examples = examples::patients(&directory)?;
        let predictor = Arc::new(ModelPredictor::new(directory, examples)?);
        let state = AppState::new(predictor, ServeSettings { access_key, ..ServeSettings::default() })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("no threads to serve with")?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(self.listen)
                .await
                .with_context(|| format!("cannot listen on {}; is another server there?", self.listen))?;
            let address = listener.local_addr()?;
            if voice.json {
                println!("{}", serde_json::json!({ "listening": format!("http://{address}") }));
            } else {
                eprintln!("listening on http://{address}  (Ctrl-C ends it)");
            }
            ::serve::serve(listener, state, shutdown()).await.context("the server failed")
        })
    }
}

/// Ends when the process is asked to.
async fn shutdown() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
