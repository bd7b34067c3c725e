//! `sidecommit webhook`.

use super::{SettingsArgs, scope::Log};
use crate::{
    exit::Failure,
    logging,
    settings::{Environment, Form},
};
use sidecommit_inject::Defaults;
use sidecommit_webhook::{
    Certs, Error, Options, Webhook,
    certs::{files::Files, keeper::Place, material::Plan, trust::is_server_name},
    decision::Injector,
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The API server is the one of KUBECONFIG, or that of the pod's service account. Rights: namespaces get, events create; \
                  with --certs self also secrets create, and get and update of that one, and mutatingwebhookconfigurations get and \
                  patch of that one."
)]
pub(super) struct Args {
    /// Where the API server calls, over TLS: POST /mutate
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:8443", value_parser = address)]
    listen: SocketAddr,
    /// Where the kubelet and scrapers call, in the clear: /livez, /readyz, /metrics
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:8081", value_parser = address)]
    http: SocketAddr,
    /// The chart's `injection` values, as YAML or JSON: what counts where a pod and its namespace say nothing
    #[arg(long, value_name = "FILE")]
    defaults: Option<PathBuf>,
    /// Where the certificate is from
    #[arg(long, value_enum, default_value_t = Mode::Own)]
    certs: Mode,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    files: FilesArgs,
    /// How often the certificate is looked at
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = poll)]
    certs_poll: Duration,
    /// How long it serves on after SIGTERM, until nobody is sent here any more
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = delay)]
    shutdown_delay: Duration,
    #[command(flatten)]
    log: SettingsArgs<Log>,
}

/// Where the certificate is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// The webhook makes it, keeps it in a Secret and puts its authority into the caBundle
    #[value(name = "self")]
    Own,
    /// Files that somebody else renews, such as cert-manager; the caBundle is left alone
    Files,
}

/// For `--certs self`.
#[derive(Debug, clap::Args)]
struct OwnArgs {
    /// With --certs self: the Secret that the replicas share
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// With --certs self: the namespace of the Secret and the Service
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// With --certs self: the Service by which the API server calls
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// With --certs self: the MutatingWebhookConfiguration whose caBundle is kept
    #[arg(long, value_name = "NAME")]
    webhook_configuration: Option<String>,
    /// With --certs self: another name or address by which the API server calls; repeatable
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,
    /// With --certs self: how long an authority is valid; renewed at two thirds
    #[arg(long, value_name = "DURATION", default_value = "8760h", value_parser = life)]
    ca_life: Duration,
    /// With --certs self: how long the certificate is valid; renewed at two thirds, at most half of --ca-life
    #[arg(long, value_name = "DURATION", default_value = "2160h", value_parser = life)]
    leaf_life: Duration,
}

/// For `--certs files`.
#[derive(Debug, clap::Args)]
struct FilesArgs {
    /// With --certs files: the certificate, PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// With --certs files: its key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

const SECOND: u64 = 1_000;
const HOUR: u64 = 3600 * SECOND;

/// Everything that can be wrong with the arguments is found here, before a port is opened.
pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let settings = args.log.load(environment)?;
    let (certs, injector) = match (args.certs(), args.injector()) {
        (Ok(certs), Ok(injector)) => (certs, injector),
        (certs, injector) => {
            let errors = certs.err().into_iter().chain(injector.err()).flatten().collect::<Vec<_>>();
            return Err(Failure::usage(&errors));
        }
    };
    logging::init(settings.log_format, settings.log_level);
    let options = Options {
        listen: args.listen,
        http: args.http,
        certs,
        certs_poll: args.certs_poll,
        shutdown_delay: args.shutdown_delay,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Failure::internal)?.block_on(serve(options, injector))
}

async fn serve(options: Options, injector: Injector) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
    let client = sidecommit_webhook::client().await.map_err(|error| Failure::Usage(error.to_string()))?;
    let webhook = Webhook::open(client, options, injector).await.map_err(failure)?;
    let stop = async move {
        let _ = terminate.recv().await;
    };
    webhook.run(stop).await.map_err(failure)
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Files(error) => Failure::Usage(error.to_string()),
        Error::Listen { .. } => Failure::unavailable(error),
        Error::Tls(_) | Error::Ended(_) => Failure::internal(error),
    }
}

// === impl Args ===

impl Args {
    fn injector(&self) -> Result<Injector, Vec<String>> {
        let Some(path) = &self.defaults else { return Ok(Injector::new(Defaults::default())) };
        let named = |text: String| format!("--defaults {}: {text}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| vec![named(error.to_string())])?;
        let defaults = Defaults::from_yaml(&text);
        defaults
            .map(Injector::new)
            .map_err(|complaints| complaints.iter().map(|one| named(one.to_string())).collect())
    }

    fn certs(&self) -> Result<Certs, Vec<String>> {
        let mut errors = self.misplaced();
        let certs = match self.certs {
            Mode::Own => self.own(&mut errors),
            Mode::Files => self.files.read(&mut errors),
        };
        certs.filter(|_| errors.is_empty()).ok_or(errors)
    }

    /// Flags of the other mode: who gives them expects something that would not happen.
    fn misplaced(&self) -> Vec<String> {
        let (own, files) = (&self.own, &self.files);
        let of_own = [
            ("--secret", own.secret.is_some()),
            ("--namespace", own.namespace.is_some()),
            ("--service", own.service.is_some()),
            ("--webhook-configuration", own.webhook_configuration.is_some()),
            ("--san", !own.san.is_empty()),
        ];
        let of_files = [("--tls-cert", files.tls_cert.is_some()), ("--tls-key", files.tls_key.is_some())];
        let (flags, mode) = match self.certs {
            Mode::Own => (&of_files[..], "files"),
            Mode::Files => (&of_own[..], "self"),
        };
        let given = flags.iter().filter(|(_, given)| *given);
        given.map(|(flag, _)| format!("{flag} is for --certs {mode} only")).collect()
    }

    fn own(&self, errors: &mut Vec<String>) -> Option<Certs> {
        let own = &self.own;
        let mut wanted = |flag: &str, value: &Option<String>| {
            if value.is_none() {
                errors.push(format!("{flag} is missing: --certs self needs it"));
            }
            value.clone()
        };
        let secret = wanted("--secret", &own.secret);
        let namespace = wanted("--namespace", &own.namespace);
        let service = wanted("--service", &own.service);
        let configuration = wanted("--webhook-configuration", &own.webhook_configuration);
        if own.leaf_life > own.ca_life / 2 {
            errors.push(format!(
                "--leaf-life {:?} is not accepted: at most half of --ca-life, {:?}",
                own.leaf_life,
                own.ca_life / 2
            ));
        }
        if self.certs_poll > own.leaf_life / 10 {
            errors.push(format!(
                "--certs-poll {:?} is not accepted: at most a tenth of --leaf-life, {:?}",
                self.certs_poll,
                own.leaf_life / 10
            ));
        }
        let (namespace, service) = (namespace?, service?);
        let names: Vec<String> =
            [format!("{service}.{namespace}.svc")].into_iter().chain(own.san.iter().cloned()).collect();
        for (name, flag) in names.iter().zip(["--service"].into_iter().chain(std::iter::repeat("--san"))) {
            if !is_server_name(name) {
                errors.push(format!("{flag}: {name:?} is not accepted: a DNS name or an IP address"));
            }
        }
        let place = Place { namespace, secret: secret?, configuration: configuration? };
        let plan = Plan { names, authority_life: own.ca_life, leaf_life: own.leaf_life };
        Some(Certs::Own(place, plan))
    }
}

// === impl FilesArgs ===

impl FilesArgs {
    fn read(&self, errors: &mut Vec<String>) -> Option<Certs> {
        let mut wanted = |flag: &str, value: &Option<PathBuf>| {
            if value.is_none() {
                errors.push(format!("{flag} is missing: --certs files needs it"));
            }
            value.clone()
        };
        let (certificate, key) = (wanted("--tls-cert", &self.tls_cert), wanted("--tls-key", &self.tls_key));
        Some(Certs::Files(Files { certificate: certificate?, key: key? }))
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("accepted is {}", Form::Address.accepted()))
}

fn duration(text: &str, form: Form) -> Result<Duration, String> {
    form.duration(text).ok_or_else(|| format!("accepted is {}", form.accepted()))
}

fn poll(text: &str) -> Result<Duration, String> {
    duration(text, Form::Duration(100, HOUR))
}

fn delay(text: &str) -> Result<Duration, String> {
    duration(text, Form::Duration(0, HOUR))
}

/// A certificate's times are whole seconds.
fn life(text: &str) -> Result<Duration, String> {
    duration(text, Form::Duration(5 * SECOND, 10 * 365 * 24 * HOUR))
}

#[cfg(test)]
#[path = "webhook/tests.rs"]
mod tests;
