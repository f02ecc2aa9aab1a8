//! `osler serve`: a model behind HTTP.

use super::{digest_of, name_of};
use crate::fhir_servers::FhirServerArguments;
use crate::governance_directory::{GovernanceArguments, refuse_readable_by_others};
use crate::kept_inputs::KeptInputArguments;
use crate::model_directory::ModelDirectory;
use crate::precision::PrecisionArguments;
use crate::predictor::{Compared, ModelPredictor, deidentifier};
use crate::progress::{Voice, grouped, to_standard_error};
use crate::records::Records;
use crate::{certificates, clock, environment, examples, lifecycle};
use ::serve::{
    Access, Current, Governance, Mirroring, Models, Offered, Roles, ServeSettings, SignedIn, Tls, Traces,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use ingest::OmopVocabulary;
use std::fs;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Memory for what was read of records, where nothing else is said.
pub(crate) const DEFAULT_STATE_MIB: usize = 256;

/// Serve a model: POST /v1/risk, a page with risk curves, OpenAPI, health and metrics.
///
/// Without --governance it is for this machine alone: whoever can reach it is answered, whatever the model's stage,
/// and nothing is recorded. With --governance every caller shows a key, every call is in the ledger before it is
/// answered, and each model answers what its stage allows. Ends in order on Ctrl-C or SIGTERM: requests under way are
/// answered first. On SIGUSR1 it reads the models' directories again, and what is there answers from then on, without a
/// dropped request; when one can't be served, those before go on. On SIGHUP it reads again who is believed (oidc.toml and issuers.toml in
/// the governance directory), certificate and key; what can't be read changes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  osler serve --model model
  osler serve --model model --precision int8
  osler serve --model model --reference events    # /v1/reason also tells of patients alike
  osler serve --model model --fhir-server https://ehr.example/fhir    # CDS Hooks: what the prefetch lacks is fetched there
  osler access grant --governance site --name 'ward app' --scope predict,read
  osler serve --model model --governance site --listen 0.0.0.0:8080
  osler serve --model model --governance site --keep-inputs inputs --keep-inputs-for board.txt
  osler serve --model model --governance site --listen 0.0.0.0:8443 --tls-certificate server.pem --tls-key server.key
  osler serve --governance site --model model --model candidate=model-2 --mirror candidate=0.25
  osler serve --model model --governance site --otlp http://localhost:4318
  curl -s localhost:8080/v1/risk -H 'content-type: application/json' -d @request.json")]
pub struct Arguments {
    /// A directory that `osler train` wrote, and NAME= before it where callers are to call it otherwise than it calls itself. Again
    /// for each further model: the first is asked where a request names none.
    #[arg(long, required = true, value_name = "[NAME=]DIR")]
    pub model: Vec<ModelChoice>,
    /// The model that answers CDS Hooks, by name; else the first.
    #[arg(long, value_name = "NAME")]
    pub cds_model: Option<String>,
    /// A model that is asked silently, after the answer, what the first was asked about risks; its answers go to the ledger alone. With
    /// a share, only of so many requests.
    #[arg(long, value_name = "NAME[=SHARE]", value_parser = mirroring)]
    pub mirror: Option<Mirroring>,
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
    /// OMOP's `concept` table (concept.csv, as Athena gives it), so that callers who send rows of the CDM need not send what their concept
    /// ids mean. About 80 bytes a concept in memory.
    #[arg(long, value_name = "FILE")]
    pub omop_vocabulary: Option<PathBuf>,
    /// What may be fetched for CDS Hooks.
    #[command(flatten)]
    pub fhir: FhirServerArguments,
    /// What is kept of what was asked.
    #[command(flatten)]
    pub inputs: KeptInputArguments,
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
    /// A collector that takes OpenTelemetry's traces by OTLP over HTTP (`http://localhost:4318`): one span a request, with its steps, and
    /// nothing of a patient. https, or http for a loopback address.
    #[arg(long, value_name = "URL")]
    pub otlp: Option<String>,
    /// Memory for records that were read, in MiB, so that a chart that comes again with further events costs those events; 0
    /// keeps none. Each model has so much.
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_STATE_MIB)]
    pub state_memory: usize,
}

/// A model, and what callers call it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelChoice {
    name: Option<String>,
    path: PathBuf,
}

impl From<PathBuf> for ModelChoice {
    /// Under its own name.
    fn from(path: PathBuf) -> Self {
        ModelChoice { name: None, path }
    }
}

impl FromStr for ModelChoice {
    type Err = String;

    /// `DIR` or `NAME=DIR`; a directory with `=` in its name is told by a slash before that, as in `./a=b`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.contains(['/', '\\']) => {
                Ok(ModelChoice { name: Some(named(name)?), path: path.into() })
            }
            _ => Ok(PathBuf::from(text).into()),
        }
    }
}

/// A name that stands in addresses, headers and settings as it is.
fn named(name: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits {
        Ok(name.to_owned())
    } else {
        Err("a model's name is up to 64 letters, digits, points, hyphens and underscores".to_owned())
    }
}

/// `NAME` or `NAME=SHARE`.
fn mirroring(text: &str) -> Result<Mirroring, String> {
    let (model, share) = match text.split_once('=') {
        None => (text, 1.0),
        Some((model, share)) => {
            (model, share.parse().map_err(|_| "the share is a number above 0 and up to 1".to_owned())?)
        }
    };
    Ok(Mirroring { model: named(model)?, share })
}

/// What stays when a model is exchanged.
struct Serving {
    arguments: Arguments,
    vocabulary: Option<OmopVocabulary>,
    /// Nobody keeps it: a patient asked about today can't be told from one asked about tomorrow, and dates are shifted in memory
    /// already. Models that are exchanged share it, so that records that are kept can be added to.
    key: deid::Key,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let filter = environment::text(environment::LOG).unwrap_or_else(|| "info".to_owned());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(
                tracing_subscriber::EnvFilter::try_new(filter).context("OSLER_LOG can't be read")?,
            )
            .with_writer(std::io::stderr)
            // A log that can't be written must not end the server.
            .log_internal_errors(false);
        let subscriber = match std::io::stderr().is_terminal() {
            true => subscriber,
            false => subscriber.with_ansi(false),
        };
        // Only fails when a subscriber is set already, which serves as well.
        let _ = subscriber.try_init();
        let serving = Arc::new(Serving {
            vocabulary: self.vocabulary(voice)?,
            arguments: self,
            key: deid::Key::random().context("no key for de-identification in memory")?,
        });
        let arguments = &serving.arguments;
        let tls = arguments.tls()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let governance = arguments.governance()?;
        let governance = match arguments.fhir.servers()? {
            Some(servers) => governance.with_fhir_servers(servers),
            None => governance,
        };
        let traces = arguments.traces()?;
        let governance = match &traces {
            Some(traces) => governance.with_traces(traces.clone()),
            None => governance,
        };
        let models =
            Models::new(serving.offered()?, arguments.roles()?, governance, ServeSettings::default())?;
        let current = Current::from(models);
        tls.into_iter().for_each(|tls| current.show(tls));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("no threads to serve with")?;
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(arguments.listen).await.with_context(|| {
                format!("cannot listen on {}; is another server there?", arguments.listen)
            })?;
            let address = listener.local_addr()?;
            follow_exchanges(serving.clone(), current.clone());
            // Otherwise there is nothing to read again, and SIGHUP ends the process as it ends any.
            if scheme == "https" || arguments.governance.path().is_some() {
                follow_hangups(serving.clone(), current.clone());
            }
            if scheme == "http" && !arguments.listen.ip().is_loopback() {
                to_standard_error(
                    "no --tls-certificate: keys and records can be read on the way here, unless a proxy before it ends TLS",
                );
            }
            if voice.json {
                println!("{}", serde_json::json!({ "listening": format!("{scheme}://{address}") }));
            } else {
                to_standard_error(&format!("listening on {scheme}://{address}  (Ctrl-C ends it)"));
            }
            ::serve::serve(listener, current, shutdown()).await.context("the server failed")
        });
        traces.iter().for_each(Traces::end);
        served
    }
}

impl Arguments {
    /// What OMOP's concept ids mean.
    fn vocabulary(&self, voice: Voice) -> Result<Option<OmopVocabulary>> {
        let Some(path) = &self.omop_vocabulary else { return Ok(None) };
        let (vocabulary, concepts) = OmopVocabulary::read(path)
            .with_context(|| format!("{} is no concept table of OMOP's", path.display()))?;
        voice.say(format!("{} OMOP concepts", grouped(concepts as u64)));
        Ok(Some(vocabulary))
    }

    fn roles(&self) -> Result<Roles> {
        if self.mirror.is_some() && self.governance.path().is_none() {
            bail!(
                "--mirror without --governance asks for nothing: answers that nobody sees go to the ledger"
            );
        }
        Ok(Roles { cds: self.cds_model.clone(), mirror: self.mirror.clone() })
    }

    /// Where spans go.
    fn traces(&self) -> Result<Option<Traces>> {
        let Some(endpoint) = &self.otlp else { return Ok(None) };
        let roots = certificates::of_the_system().unwrap_or_default();
        Traces::to(endpoint, &roots).map(Some).context("--otlp")
    }

    /// What is shown to callers, where they are answered over TLS.
    fn tls(&self) -> Result<Option<Tls>> {
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else { return Ok(None) };
        refuse_readable_by_others(key)?;
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let tls = Tls::from_pem(&read(certificate)?, &read(key)?);
        tls.map(Some).with_context(|| format!("{} with {}", certificate.display(), key.display()))
    }

    fn governance(&self) -> Result<Governance> {
        let governance = Governance::open(Arc::new(clock::now));
        if self.governance.path().is_none() {
            if self.inputs.are_asked_for() {
                bail!(
                    "--keep-inputs without --governance keeps nothing: no entry of a ledger would lead to it"
                );
            }
            if !self.listen.ip().is_loopback() {
                bail!("--listen {} is reachable from other machines; give --governance", self.listen);
            }
            to_standard_error("no --governance: for this machine alone, without keys and without a ledger");
            return Ok(governance);
        }
        let directory = self.governance.open_or_begin()?;
        directory.check_ledger()?;
        let access = Access::Keys {
            keyring: directory.keyring()?,
            tokens: directory.tokens()?,
            identities: directory.identities()?,
        };
        let governance = governance.with_access(access).with_ledger(directory.ledger()?);
        Ok(match self.inputs.inputs()? {
            Some(inputs) => governance.with_inputs(inputs),
            None => governance,
        })
    }
}

impl Serving {
    fn predictor(
        &self,
        directory: ModelDirectory,
        deidentifier: Arc<deid::Deidentifier>,
    ) -> Result<Arc<ModelPredictor>> {
        let arguments = &self.arguments;
        let examples = examples::patients(&directory)?;
        let compared = match &arguments.reference {
            None => Compared::default(),
            Some(events) => {
                let whom = (arguments.reference_people, usize::try_from(arguments.k)?);
                Compared::with(&directory, &Records::open(events)?, whom)?
            }
        };
        let bytes = arguments.state_memory << 20;
        let predictor = ModelPredictor::new(directory, examples, compared, deidentifier, bytes)?;
        Ok(Arc::new(predictor.with_vocabulary(self.vocabulary.clone())))
    }

    /// What is in the models' directories now, each with a watch over where it stands.
    fn offered(&self) -> Result<Vec<Offered>> {
        let arguments = &self.arguments;
        let named = |choice: &ModelChoice| format!("the model {}", choice.path.display());
        let open = |choice: &ModelChoice| {
            let directory = ModelDirectory::open(&choice.path, &[]).with_context(|| named(choice))?;
            directory.with_precision(arguments.precision.precision()).with_context(|| named(choice))
        };
        let directories = arguments.model.iter().map(open).collect::<Result<Vec<_>>>()?;
        let vocabularies = directories.iter().map(|directory| directory.tokenizer.vocabulary());
        let deidentifier = deidentifier(vocabularies, &self.key)?;
        let offer = |choice: &ModelChoice, directory: ModelDirectory| -> Result<Offered> {
            let (digest, name) = (digest_of(&directory.manifest), name_of(&directory.manifest));
            let stage = match arguments.governance.path() {
                None => None,
                Some(_) => Some(lifecycle::watch(arguments.governance.open_or_begin()?, digest, name)?),
            };
            let predictor = self.predictor(directory, deidentifier.clone())?;
            Ok(Offered { predictor, name: choice.name.clone(), stage })
        };
        let choices = arguments.model.iter().zip(directories);
        let offered =
            choices.map(|(choice, directory)| offer(choice, directory).with_context(|| named(choice)));
        offered.collect()
    }

    /// What is in the models' directories now answers from here on.
    fn exchange(&self, current: &Current) -> Result<String> {
        let (offered, tls) = (self.offered()?, self.arguments.tls()?);
        let digests: Vec<_> = offered.iter().map(|offered| offered.predictor.describe().digest).collect();
        current.exchange(offered)?;
        tls.into_iter().for_each(|tls| current.show(tls));
        Ok(digests.join(" "))
    }

    /// Who is in `oidc.toml` now is believed from here on, nobody where there is none any more; says how many issuers.
    fn believe(&self, current: &Current) -> Result<usize> {
        let identities = self.arguments.governance.open()?.identities()?;
        let issuers = identities.as_ref().map_or(0, SignedIn::issuers);
        current.believe(identities)?;
        Ok(issuers)
    }

    /// The same of `issuers.toml`, at the doors of CDS Hooks.
    fn believe_hooks(&self, current: &Current) -> Result<usize> {
        let tokens = self.arguments.governance.open()?.tokens()?;
        let issuers = tokens.as_ref().map_or(0, |tokens| tokens.issuers().len());
        current.believe_hooks(tokens)?;
        Ok(issuers)
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
                        tracing::warn!(digest, "what is there was read anew and answers from now on")
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

/// From here on reads again who is believed, and shows the certificate that is in its file, whenever the process is told to look.
/// One that can't be read leaves the other alone.
fn follow_hangups(serving: Arc<Serving>, current: Current) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut told) = signal(SignalKind::hangup()) else { return };
        tokio::spawn(async move {
            while told.recv().await.is_some() {
                let (serving, current) = (serving.clone(), current.clone());
                let look = move || {
                    match serving.arguments.tls() {
                        Ok(None) => {}
                        Ok(Some(tls)) => {
                            current.show(tls);
                            tracing::warn!("the certificate was read anew and is shown from now on");
                        }
                        Err(error) => tracing::error!("the certificate before goes on: {error:#}"),
                    }
                    if serving.arguments.governance.path().is_some() {
                        // Each for itself: who is no longer believed by one file must not go on for the other's sake.
                        let read = [
                            ("oidc.toml", serving.believe(&current)),
                            ("issuers.toml", serving.believe_hooks(&current)),
                        ];
                        for (file, read) in read {
                            match read {
                                Ok(issuers) => tracing::warn!(
                                    issuers,
                                    "{file} was read anew, and who it names is believed from now on"
                                ),
                                Err(error) => {
                                    tracing::error!(
                                        "{file}: who was believed before is believed on: {error:#}"
                                    )
                                }
                            }
                        }
                    }
                };
                if tokio::task::spawn_blocking(look).await.is_err() {
                    tracing::error!("what was there before goes on: reading it anew failed");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_shares_are_read_as_they_are_written() {
        let choice = |text: &str| text.parse::<ModelChoice>();
        assert_eq!(choice("model"), Ok(PathBuf::from("model").into()));
        assert_eq!(choice("./a=b"), Ok(PathBuf::from("./a=b").into()));
        let named = ModelChoice { name: Some("next-1.2".into()), path: "m/2=x".into() };
        assert_eq!(choice("next-1.2=m/2=x"), Ok(named));
        assert!(choice("=m").is_err() && choice("a b=m").is_err());
        assert_eq!(mirroring("next"), Ok(Mirroring { model: "next".into(), share: 1.0 }));
        assert_eq!(mirroring("next=0.25"), Ok(Mirroring { model: "next".into(), share: 0.25 }));
        assert!(mirroring("next=some").is_err() && mirroring("").is_err());
    }
}
