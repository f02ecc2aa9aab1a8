//! `osler serve`: a model behind HTTP.

use super::{digest_of, name_of};
use crate::governance_directory::{GovernanceArguments, refuse_readable_by_others};
use crate::manifest::Manifest;
use crate::model_directory::ModelDirectory;
use crate::precision::PrecisionArguments;
use crate::predictor::{Compared, ModelPredictor, deidentifier};
use crate::progress::Voice;
use crate::records::Records;
use crate::{clock, environment, examples, lifecycle};
use ::serve::{Access, AppState, Current, Governance, ServeSettings, Tls};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Memory for what was read of records, where nothing else is said.
pub(crate) const DEFAULT_STATE_MIB: usize = 256;

/// Serve a model: POST /v1/risk, a page with risk curves, OpenAPI, health and metrics.
///
/// Without --governance it is for this machine alone: whoever can reach it is answered, whatever the model's stage,
/// and nothing is recorded. With --governance every caller shows a key, every call is in the ledger before it is
/// answered, and the model answers what its stage allows. Ends in order on Ctrl-C or SIGTERM: requests under way are
/// answered first. On SIGUSR1 it reads the model's directory again, and what is there answers from then on, without a
/// dropped request; when it can't be served, the model before goes on. On SIGHUP it reads certificate and key again.
#[derive(Args)]
#[command(after_help = "Examples:
  osler serve --model model
  osler serve --model model --precision int8
  osler serve --model model --reference events    # /v1/reason also tells of patients alike
  osler access grant --governance site --name 'ward app' --scope predict,read
  osler serve --model model --governance site --listen 0.0.0.0:8080
  osler serve --model model --governance site --listen 0.0.0.0:8443 --tls-certificate server.pem --tls-key server.key
  curl -s localhost:8080/v1/risk -H 'content-type: application/json' -d @request.json")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    pub model: PathBuf,
    /// Address and port; port 0 takes a free one and says which.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Who may call, and where it is recorded.
    #[command(flatten)]
    pub governance: GovernanceArguments,
    /// A directory that `osler ingest` wrote: people whom /v1/reason compares patients with (percentiles, and what became of patients
    /// alike).
    #[arg(long, value_name = "EVENTS")]
    pub reference: Option<PathBuf>,
    /// Training subjects of --reference that are compared with.
    #[arg(long, default_value_t = 2000, requires = "reference")]
    pub reference_people: usize,
    /// Nothing that is true of fewer people is told of them.
    #[arg(long, default_value_t = 10, value_name = "K", requires = "reference", value_parser = clap::value_parser!(u64).range(2..))]
    pub k: u64,
    /// In which numbers it answers.
    #[command(flatten)]
    pub precision: PrecisionArguments,
    /// A certificate in PEM, with those that lead to the one that callers trust; connections are TLS alone then. Read again on
    /// SIGHUP and SIGUSR1.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key in PEM, in a file that nobody else can read.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Memory for records that were read, in MiB, so that a chart that comes again with further events costs those events; 0
    /// keeps none.
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_STATE_MIB)]
    pub state_memory: usize,
}

/// What stays when a model is exchanged.
struct Serving {
    arguments: Arguments,
    deidentifier: Arc<deid::Deidentifier>,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let filter = environment::text(environment::LOG).unwrap_or_else(|| "info".to_owned());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(
                tracing_subscriber::EnvFilter::try_new(filter).context("OSLER_LOG can't be read")?,
            )
            .with_writer(std::io::stderr);
        // Only fails when a subscriber is set already, which serves as well.
        let _ = subscriber.try_init();
        let serving = Arc::new(Serving { arguments: self, deidentifier: deidentifier()? });
        let arguments = &serving.arguments;
        let tls = arguments.tls()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let directory = arguments.open_model()?;
        let governance = arguments.governance(&directory.manifest)?;
        let current = Current::from(AppState::new(
            serving.predictor(directory)?,
            governance,
            ServeSettings::default(),
        )?);
        tls.into_iter().for_each(|tls| current.show(tls));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("no threads to serve with")?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(arguments.listen).await.with_context(|| {
                format!("cannot listen on {}; is another server there?", arguments.listen)
            })?;
            let address = listener.local_addr()?;
            follow_exchanges(serving.clone(), current.clone());
            if scheme == "https" {
                follow_certificates(serving.clone(), current.clone());
            } else if !arguments.listen.ip().is_loopback() {
                eprintln!("no --tls-certificate: keys and records can be read on the way here, unless a proxy before it ends TLS");
            }
            if voice.json {
                println!("{}", serde_json::json!({ "listening": format!("{scheme}://{address}") }));
            } else {
                eprintln!("listening on {scheme}://{address}  (Ctrl-C ends it)");
            }
            ::serve::serve(listener, current, shutdown()).await.context("the server failed")
        })
    }
}

impl Arguments {
    fn open_model(&self) -> Result<ModelDirectory> {
        Ok(ModelDirectory::open(&self.model, &[])?.with_precision(self.precision.precision()))
    }

    /// What is shown to callers, where they are answered over TLS.
    fn tls(&self) -> Result<Option<Tls>> {
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else { return Ok(None) };
        refuse_readable_by_others(key)?;
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let tls = Tls::from_pem(&read(certificate)?, &read(key)?);
        tls.map(Some).with_context(|| format!("{} with {}", certificate.display(), key.display()))
    }

    fn governance(&self, model: &Manifest) -> Result<Governance> {
        let governance = Governance::open(Arc::new(clock::now));
        if self.governance.path().is_none() {
            if !self.listen.ip().is_loopback() {
                bail!("--listen {} is reachable from other machines; give --governance", self.listen);
            }
            eprintln!("no --governance: for this machine alone, without keys and without a ledger");
            return Ok(governance);
        }
        let directory = self.governance.open_or_begin()?;
        let access = Access::Keys { keyring: directory.keyring()?, tokens: directory.tokens()? };
        let ledger = directory.ledger()?;
        let stage = lifecycle::watch(directory, digest_of(model), name_of(model))?;
        Ok(governance.with_access(access).with_ledger(ledger).with_stage(stage))
    }
}

impl Serving {
    fn predictor(&self, directory: ModelDirectory) -> Result<Arc<ModelPredictor>> {
        let arguments = &self.arguments;
        let examples = examples::patients(&directory)?;
        let compared = match &arguments.reference {
            None => Compared::default(),
            Some(events) => {
                let whom = (arguments.reference_people, usize::try_from(arguments.k)?);
                Compared::with(&directory, &Records::open(events)?, whom)?
            }
        };
        let (deidentifier, bytes) = (self.deidentifier.clone(), arguments.state_memory << 20);
        Ok(Arc::new(ModelPredictor::new(directory, examples, compared, deidentifier, bytes)?))
    }

    /// What is in the model's directory now answers from here on.
    fn exchange(&self, current: &Current) -> Result<String> {
        let arguments = &self.arguments;
        let directory = arguments.open_model()?;
        let digest = digest_of(&directory.manifest);
        let stage = match arguments.governance.path() {
            None => None,
            Some(_) => {
                let name = name_of(&directory.manifest);
                Some(lifecycle::watch(arguments.governance.open_or_begin()?, digest.clone(), name)?)
            }
        };
        let tls = arguments.tls()?;
        current.exchange(self.predictor(directory)?, stage)?;
        tls.into_iter().for_each(|tls| current.show(tls));
        Ok(digest)
    }
}

/// From here on exchanges the model whenever the process is told to. A model that can't be served is said and changes nothing.
fn follow_exchanges(serving: Arc<Serving>, current: Current) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut told) = signal(SignalKind::user_defined1()) else { return };
        tokio::spawn(async move {
            while told.recv().await.is_some() {
                let (serving, current) = (serving.clone(), current.clone());
                match tokio::task::spawn_blocking(move || serving.exchange(&current)).await {
                    Ok(Ok(digest)) => {
                        tracing::warn!(digest, "the model was read anew and answers from now on")
                    }
                    Ok(Err(error)) => tracing::error!("the model before goes on: {error:#}"),
                    Err(_) => tracing::error!("the model before goes on: reading the other one failed"),
                }
            }
        });
    }
    #[cfg(not(unix))]
    let _ = (serving, current);
}

/// From here on shows the certificate that is in its file, whenever the process is told to look.
fn follow_certificates(serving: Arc<Serving>, current: Current) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut told) = signal(SignalKind::hangup()) else { return };
        tokio::spawn(async move {
            while told.recv().await.is_some() {
                match serving.arguments.tls() {
                    Ok(tls) => {
                        tls.into_iter().for_each(|tls| current.show(tls));
                        tracing::warn!("the certificate was read anew and is shown from now on");
                    }
                    Err(error) => tracing::error!("the certificate before goes on: {error:#}"),
                }
            }
        });
    }
    #[cfg(not(unix))]
    let _ = (serving, current);
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
