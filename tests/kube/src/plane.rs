//! The control plane as a process.

use crate::{Namespace, Webhook};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use sidecommit_e2e::Cluster;
use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

/// What a control plane is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More arguments of `kubetest up`.
    pub arguments: Vec<String>,
}

/// A running control plane with one node that runs pods. It ends when dropped, and when this process dies in whatever
/// way: it reads a pipe whose other end is ours.
#[derive(Debug)]
pub struct Plane {
    folder: TempDir,
    child: Child,
    lifeline: Option<ChildStdin>,
    webhook: OnceLock<Webhook>,
}

// === impl Plane ===

impl Plane {
    /// The one of this test process, with the product's manifests applied and two replicas of the webhook.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Plane> = OnceLock::new();
        SHARED.get_or_init(|| {
            let plane = Self::start(&Options::default());
            let webhook = Webhook::start(&plane);
            plane.webhook.set(webhook).expect("set once");
            plane
        })
    }

    /// One of the test's own, without the webhook.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(options: &Options) -> Self {
        // Short: it holds Unix sockets.
        let folder = tempfile::Builder::new().prefix("kt-").tempdir_in("/tmp").expect("a folder");
        let image = |name: &str, binary: &str| {
            let mut argument = OsString::from(format!("--image={name}="));
            argument.push(built(binary));
            argument
        };
        let mut child = Command::new(kubetest())
            .args(["up", "--stdin-lifeline", "--runner", "--backoff=1s", "--dir"])
            .arg(folder.path())
            .args([image("sidecommit:test", "sidecommit"), image("app:test", "sidecommit-kube-app")])
            .args(&options.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("up.log")).expect("a log"))
            .spawn()
            .expect("the control plane starts");
        let lifeline = child.stdin.take();
        let mut ready = BufReader::new(child.stdout.take().expect("is piped"));
        let mut line = String::new();
        ready.read_line(&mut line).expect("a pipe can be read");
        let plane = Self { folder, child, lifeline, webhook: OnceLock::new() };
        assert!(line.starts_with("KUBECONFIG="), "the control plane did not start: {}", plane.log());
        // What it says later must not fill the pipe.
        std::thread::spawn(move || ready.read_to_end(&mut Vec::new()));
        plane
    }

    /// Its state: logs, the runner's pods.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An administrator's configuration.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// The webhook of [`Plane::shared`].
    ///
    /// # Panics
    /// On a control plane of a test's own.
    pub fn webhook(&self) -> &Webhook {
        self.webhook.get().expect("the shared control plane has one")
    }

    /// An administrator's client; each test has a runtime of its own, and so needs a client of its own.
    pub async fn client(&self) -> Client {
        client(&self.kubeconfig()).await
    }

    /// A new namespace that enforces the restricted Pod Security Standard.
    pub async fn namespace(&'static self, purpose: &str) -> Namespace {
        Namespace::create(self, purpose, "restricted").await
    }

    /// A new namespace that allows what pods want.
    pub async fn privileged_namespace(&'static self, purpose: &str) -> Namespace {
        Namespace::create(self, purpose, "privileged").await
    }

    /// First part of its sidecars' slots: planes share a Kafka.
    pub fn prefix(&self) -> String {
        format!("kt{}", self.child.id())
    }

    /// Where its sidecars' outcomes are.
    pub fn outcomes_topic(&self) -> String {
        format!("{}.sidecommit-outcomes", self.prefix())
    }

    /// A slot of a workload.
    pub fn slot(&self, namespace: &Namespace, workload: &str, ordinal: u32) -> String {
        format!("{}/{}/{workload}/{ordinal}", self.prefix(), namespace.name)
    }

    /// The Kafka behind it.
    pub fn kafka(&self) -> Cluster {
        Cluster::shared()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("up.log")).unwrap_or_default()
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.child.wait().expect("it is our child");
    }
}

/// A client by a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("a whole configuration")).expect("a client")
}

/// What the workspace's build put beside the test's own folder, in target/debug.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let target = test.parent().and_then(Path::parent).expect("target/debug/deps/test");
    target.join(name)
}

/// The control plane's binary, built if it is not there yet, which takes ten minutes.
fn kubetest() -> PathBuf {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../controlplane/build");
    let output =
        Command::new(&build).stderr(Stdio::inherit()).output().expect("tests/controlplane/build runs");
    assert!(output.status.success(), "{} failed", build.display());
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}
