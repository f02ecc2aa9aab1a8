//! What a user says of a FHIR server's bulk export.

use crate::{certificates, clock, environment, key_file};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use fetch::{
    AddressRule, Base, Link, Network, Roots, Token,
    bulk::{Credentials, Export, ExportLimits, ExportRequest, ExportSettings, Level},
    smart::{BackendServices, SigningKey},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How a server is told apart from a file.
const SCHEME: &str = "fhir+";
const HEADING: &str = "A FHIR server's bulk export";

/// A server's export, and where it goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct ExportArguments {
    /// Where the export's files go. They are identified: the directory is made for its owner alone (0700, files 0600), on a disk that
    /// may hold such records, and stays afterwards. A run that was stopped goes on from it.
    #[arg(long, value_name = "DIR")]
    download: Option<PathBuf>,
    /// Remove the downloaded files once the events are written.
    #[arg(long, requires = "download")]
    discard_download: bool,
    /// Begin another export, and remove what --download holds of an earlier one.
    #[arg(long, requires = "download")]
    fresh_export: bool,
    /// The Group whose members are exported (its id); else all patients.
    #[arg(long, value_name = "ID", conflicts_with = "export_system")]
    export_group: Option<String>,
    /// Export all that the server holds, of patients or not.
    #[arg(long)]
    export_system: bool,
    /// Resource types to ask for (Patient,Condition,…); else all that the server gives. Asking for less moves less that is identified.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    export_types: Vec<String>,
    /// Only what was changed after this moment, such as 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    export_since: Option<String>,
    /// A further server (as `https://files.example`) to which the first may point for files. Without it none but the first is asked. May be
    /// given several times.
    #[arg(long, value_name = "URL")]
    export_host: Vec<String>,
    /// Go on although the server says that something could not be exported.
    #[arg(long)]
    allow_export_errors: bool,
    /// On Ctrl-C, call the job off at the server and remove what came of it, instead of leaving both for the next run.
    #[arg(long)]
    cancel_on_interrupt: bool,
    /// SMART Backend Services: the name under which this client is registered.
    #[arg(long, value_name = "ID", requires = "smart_key", conflicts_with = "bearer_file")]
    smart_client: Option<String>,
    /// The file with its private key: P-384 (ES384) or RSA (RS384), PEM (PKCS #8) or a JSON Web Key; readable by its owner alone.
    #[arg(long, value_name = "FILE", requires = "smart_client")]
    smart_key: Option<PathBuf>,
    /// The key's id (`kid`) in the registered key set.
    #[arg(long, value_name = "ID", requires = "smart_key")]
    smart_key_id: Option<String>,
    /// The token endpoint; else the server is asked for it (.well-known/smart-configuration).
    #[arg(long, value_name = "URL", requires = "smart_client")]
    smart_token_url: Option<String>,
    /// What is asked for.
    #[arg(long, value_name = "SCOPE", requires = "smart_client", default_value = "system/*.read")]
    smart_scope: String,
    /// A file with a bearer token, readable by its owner alone; else the variable OSLER_FHIR_TOKEN. With neither, and no client, no
    /// token is sent.
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,
    /// The servers' names may stand for addresses of private networks (10.0.0.0/8, fd00::/8, …).
    #[arg(long)]
    fhir_private: bool,
    /// Certificates (PEM) of whom to trust, instead of the system's.
    #[arg(long, value_name = "FILE")]
    fhir_trust: Option<PathBuf>,
    /// Files fetched at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    downloads_at_once: u8,
    /// The most that the export's files may take together, in GB.
    #[arg(long, value_name = "GB", default_value_t = 1000)]
    max_download_gb: u64,
    /// The longest that the export may take, waiting for the server included.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    max_export_hours: u64,
}

/// An export to be downloaded.
pub struct Planned {
    pub export: Export,
    pub directory: PathBuf,
    pub cancel_on_interrupt: bool,
    pub allow_errors: bool,
}

impl ExportArguments {
    /// The export, if the sources are a server; `out` is where the events go.
    pub fn of(&self, sources: &[PathBuf], fhir: bool, out: &Path) -> Result<Option<Planned>> {
        let addresses = sources.iter().filter_map(|source| source.to_str()?.strip_prefix(SCHEME));
        let address = match (addresses.collect::<Vec<_>>().as_slice(), &self.download) {
            ([], None) => return Ok(None),
            ([], Some(_)) => bail!("--download is for a server (fhir+https://HOST/PATH) as the source"),
            (_, None) => bail!(
                "the server's files need a place: --download DIR, on a disk that may hold identified records"
            ),
            ([address], Some(_)) if sources.len() == 1 => (*address).to_owned(),
            _ => bail!("a server stands alone: ingest files and other servers by runs of their own"),
        };
        ensure!(fhir, "a server's export is FHIR: --from fhir");
        let directory = self.download.clone().unwrap_or_default();
        ensure!(
            !directory.starts_with(out),
            "--download must not lie in --out, which is replaced as a whole"
        );
        let level = match &self.export_group {
            Some(id) => Level::Group(id.clone()),
            None if self.export_system => Level::System,
            None => Level::Patients,
        };
        let request = ExportRequest {
            server: address.trim_end_matches('/').to_owned(),
            level,
            types: self.export_types.clone(),
            since: self.export_since.clone(),
        };
        let export = Export::new(request, self.settings(&address)?)?;
        if self.fresh_export {
            Export::discard(&directory).with_context(|| format!("{}", directory.display()))?;
        }
        let (cancel_on_interrupt, allow_errors) = (self.cancel_on_interrupt, self.allow_export_errors);
        Ok(Some(Planned { export, directory, cancel_on_interrupt, allow_errors }))
    }

    /// Removes what was downloaded, if that was asked for.
    pub fn discard_if_asked(&self) -> Result<()> {
        match (&self.download, self.discard_download) {
            (Some(directory), true) => {
                Export::discard(directory).with_context(|| format!("{}", directory.display()))
            }
            _ => Ok(()),
        }
    }

    fn settings(&self, address: &str) -> Result<ExportSettings> {
        let host = |url: &String| {
            Base::parse(url).with_context(|| "--export-host must be such as https://files.example")
        };
        let is_secure = |url: &str| url.starts_with("https:");
        let urls = self.export_host.iter().chain(&self.smart_token_url).map(String::as_str);
        let roots = match urls.chain([address]).any(is_secure) {
            true => Roots::from_pem(&certificates::named_or_the_systems(self.fhir_trust.as_deref())?)?,
            false => Roots::none(),
        };
        let rule = if self.fhir_private { AddressRule::PrivateToo } else { AddressRule::Public };
        let limits = ExportLimits {
            at_once: usize::from(self.downloads_at_once),
            all_bytes: self.max_download_gb.saturating_mul(1_000_000_000),
            time: Duration::from_secs(self.max_export_hours.saturating_mul(3600)),
            ..ExportLimits::default()
        };
        Ok(ExportSettings {
            hosts: self.export_host.iter().map(host).collect::<Result<_>>()?,
            credentials: self.credentials()?,
            network: Network { roots, rule, connect: Duration::from_secs(10) },
            limits,
            now: clock::seconds,
        })
    }

    fn credentials(&self) -> Result<Credentials> {
        if let (Some(client), Some(path)) = (&self.smart_client, &self.smart_key) {
            let key = SigningKey::read(&secret(path)?, self.smart_key_id.clone())
                .with_context(|| format!("{}", path.display()))?;
            let endpoint = |url: &String| {
                Link::parse(url).context("--smart-token-url must be such as https://ehr.example/auth/token")
            };
            return Ok(Credentials::BackendServices(Box::new(BackendServices {
                client: client.clone(),
                key,
                scope: self.smart_scope.clone(),
                endpoint: self.smart_token_url.as_ref().map(endpoint).transpose()?,
            })));
        }
        let text = match &self.bearer_file {
            Some(path) => String::from_utf8(secret(path)?).ok(),
            None => match environment::text(environment::FHIR_TOKEN) {
                Some(text) => Some(text),
                None => return Ok(Credentials::Nobody),
            },
        };
        let token = text.and_then(|text| Token::new(text.trim()));
        Ok(Credentials::Bearer(
            token.context("the bearer token is no token: one word of letters, digits and -._~+/=")?,
        ))
    }
}

/// A secret's file, which others may not read.
fn secret(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    key_file::refuse_readable_by_others(path)?;
    Ok(bytes)
}
