//! The product's webhook as its own manifests describe it: two replicas as processes, behind the Service's address.

use crate::{Plane, apply, documents, plane::built};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Pod, ServiceAccount},
};
use kube::{Api, Client, api::PostParams};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sidecommit_e2e::eventually;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
};

/// Where the product's manifests put it.
pub(crate) const NAMESPACE: &str = "sidecommit";

/// Settings for the tests' one broker, as the annotation `env` has them.
pub const ONE_BROKER: &str =
    "SIDECOMMIT_OUTCOMES_REPLICATION_FACTOR=1\nSIDECOMMIT_OUTCOMES_MIN_INSYNC_REPLICAS=1";

/// The webhook's replicas; they end with this process.
#[derive(Debug)]
pub struct Webhook {
    command: Vec<String>,
    folder: PathBuf,
    replicas: Mutex<Vec<Replica>>,
    number: AtomicUsize,
}

/// The product's plain manifests.
pub(crate) fn manifests() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/manifests/install.yaml");
    documents(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn is(object: &Value, kind: &str) -> bool {
    object["kind"] == kind
}

/// A process, where it listens, and where it says whether it is ready.
#[derive(Debug)]
struct Replica {
    child: Child,
    listen: SocketAddr,
    http: SocketAddr,
}

// === impl Replica ===

impl Replica {
    /// What the manifests' readiness probe asks.
    async fn is_ready(http: SocketAddr) -> bool {
        let Ok(mut stream) = TcpStream::connect(http).await else { return false };
        let asked =
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: webhook\r\nConnection: close\r\n\r\n").await;
        let mut answer = String::new();
        asked.is_ok()
            && stream.read_to_string(&mut answer).await.is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }
}

// === impl Webhook ===

impl Webhook {
    /// Applies the manifests, starts two replicas, and waits until a pod is injected.
    pub fn start(plane: &Plane) -> Self {
        Self::start_with(plane, &[])
    }

    /// The same with more arguments.
    pub fn start_with(plane: &Plane, arguments: &[&str]) -> Self {
        // A thread of its own: the tests' runtimes end with their tests, this serves them all.
        let (ready, started) = mpsc::channel();
        let (kubeconfig, folder, prefix) = (plane.kubeconfig(), plane.folder().to_owned(), plane.prefix());
        let bootstrap = plane.kafka().bootstrap();
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let client = crate::plane::client(&kubeconfig).await;
                let injection = Injection { bootstrap, prefix };
                let webhook = Self::install(&client, &folder, &injection, &arguments).await;
                ready.send(webhook).expect("the starter waits");
                std::future::pending::<()>().await;
            });
        });
        started.recv().expect("the webhook starts")
    }

    async fn install(client: &Client, folder: &Path, injection: &Injection, arguments: &[String]) -> Self {
        let folder = folder.join("webhook");
        fs::create_dir(&folder).expect("a folder");
        let (address, listener) = service_address();
        let mut command = Vec::new();
        for mut object in manifests() {
            if is(&object, "ConfigMap") {
                injection.fill(&mut object, &folder);
            }
            if is(&object, "Service") {
                object["spec"]["clusterIP"] = json!(address.ip().to_string());
            }
            if is(&object, "Deployment") {
                command = arguments_of(&object);
                continue;
            }
            if is(&object, "PodDisruptionBudget") || is(&object, "NetworkPolicy") {
                continue;
            }
            apply(client, &object, NAMESPACE).await.unwrap_or_else(|error| panic!("{object}: {error}"));
        }
        command.extend_from_slice(arguments);
        write_kubeconfig(client, &folder).await;
        let webhook = Self { command, folder, replicas: Mutex::new(Vec::new()), number: AtomicUsize::new(0) };
        webhook.add_replica();
        webhook.add_replica();
        let (addresses, probed): (Vec<_>, Vec<_>) =
            webhook.replicas.lock().iter().map(|replica| (replica.listen, replica.http)).unzip();
        // A Service has ready replicas only.
        for http in probed {
            eventually("a replica is ready", 60, async || Replica::is_ready(http).await).await;
        }
        spread(listener, addresses);
        injects(client).await;
        webhook
    }

    /// Starts another replica.
    fn add_replica(&self) {
        let free =
            || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let (listen, http) = (free(), free());
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let log = fs::File::create(self.folder.join(format!("{number}.log"))).expect("a log");
        let mut arguments = self.command.clone();
        set(&mut arguments, "--listen", &listen.to_string());
        set(&mut arguments, "--http", &http.to_string());
        set(&mut arguments, "--defaults", &self.folder.join("defaults.yaml").display().to_string());
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(built("sidecommit"))
            .args(&arguments)
            .env_clear()
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("POD_NAMESPACE", NAMESPACE)
            .env("POD_NAME", format!("sidecommit-webhook-{number}"))
            .stderr(log)
            .spawn()
            .expect("setpriv and target/debug/sidecommit run");
        self.replicas.lock().push(Replica { child, listen, http });
    }

    /// The replicas' logs.
    pub fn log(&self) -> String {
        let numbers = 0..self.number.load(Ordering::Relaxed);
        numbers
            .map(|number| fs::read_to_string(self.folder.join(format!("{number}.log"))).unwrap_or_default())
            .collect()
    }

    /// Ends all replicas: nobody answers at the Service's address any more.
    pub fn stop(&self) {
        for Replica { mut child, .. } in self.replicas.lock().drain(..) {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
        }
    }

    /// The defaults that it injects with.
    pub fn defaults(&self) -> PathBuf {
        self.folder.join("defaults.yaml")
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the tests' sidecars are injected with, beside the manifests' own defaults.
struct Injection {
    bootstrap: String,
    prefix: String,
}

// === impl Injection ===

impl Injection {
    /// Sets the defaults in the ConfigMap, and writes them where the replicas read them.
    fn fill(&self, object: &mut Value, folder: &Path) {
        let data = object["data"].as_object_mut().expect("data");
        let (_, text) = data.iter_mut().next().expect("one file");
        let mut defaults = documents(text.as_str().expect("text")).remove(0);
        for (key, value) in [
            ("bootstrapServers", json!(self.bootstrap)),
            ("transactionalIdPrefix", json!(self.prefix)),
            ("image", json!("sidecommit:test")),
            ("metricsPort", json!(0)),
            ("env", json!(ONE_BROKER)),
        ] {
            defaults[key] = value;
        }
        *text = json!(defaults.to_string());
        fs::write(folder.join("defaults.yaml"), defaults.to_string()).expect("can be written");
    }
}

/// Sets a flag of a command line, wherever it is.
fn set(arguments: &mut Vec<String>, flag: &str, value: &str) {
    arguments.retain(|argument| !argument.starts_with(&format!("{flag}=")));
    if let Some(at) = arguments.iter().position(|argument| argument == flag) {
        arguments.drain(at..(at + 2).min(arguments.len()));
    }
    arguments.push(format!("{flag}={value}"));
}

/// The container's command line with its variables.
fn arguments_of(deployment: &Value) -> Vec<String> {
    let arguments = deployment.pointer("/spec/template/spec/containers/0/args").and_then(Value::as_array);
    let text = |argument: &Value| argument.as_str().expect("text").replace("$(POD_NAMESPACE)", NAMESPACE);
    arguments.expect("the webhook's container has arguments").iter().map(text).collect()
}

/// An address of the Service range that is free on this machine, at the Service's port.
fn service_address() -> (SocketAddr, TcpListener) {
    for n in 0..1000_u32 {
        let host = (std::process::id() + n) % 60_000 + 300;
        let address = SocketAddr::from(([127, 1, (host >> 8) as u8, (host & 255) as u8], 443));
        if let Ok(listener) = TcpListener::bind(address) {
            return (address, listener);
        }
    }
    panic!("no address of 127.1.0.0/16 is free at port 443 (root is needed)");
}

/// What kube-proxy does: connections to the Service go to its endpoints in turn, to the next where one is gone.
fn spread(listener: TcpListener, replicas: Vec<SocketAddr>) {
    listener.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    tokio::spawn(async move {
        for first in 0.. {
            let Ok((mut client, _)) = listener.accept().await else { continue };
            let replicas = replicas.clone();
            tokio::spawn(async move {
                for n in 0..replicas.len() {
                    if let Ok(mut server) = TcpStream::connect(replicas[(first + n) % replicas.len()]).await {
                        // Either side may hang up.
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                        return;
                    }
                }
            });
        }
    });
}

/// The replicas' own service account, so that the manifests' RBAC is what they have.
async fn write_kubeconfig(client: &Client, folder: &Path) {
    let deployment = manifests().into_iter().find(|object| is(object, "Deployment")).expect("the webhook");
    let account = deployment.pointer("/spec/template/spec/serviceAccountName").and_then(Value::as_str);
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let request = TokenRequest {
        spec: TokenRequestSpec { expiration_seconds: Some(36_000), ..TokenRequestSpec::default() },
        ..TokenRequest::default()
    };
    let account = account.expect("it has one");
    let token =
        accounts.create_token_request(account, &PostParams::default(), &request).await.expect("a token");
    let token = token.status.expect("a token").token;
    let admin =
        documents(&fs::read_to_string(folder.with_file_name("kubeconfig")).expect("the plane's")).remove(0);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "webhook",
        "clusters": [{ "name": "plane", "cluster": admin.pointer("/clusters/0/cluster") }],
        "users": [{ "name": "webhook", "user": { "token": token } }],
        "contexts": [{ "name": "webhook", "context": { "cluster": "plane", "user": "webhook", "namespace": NAMESPACE } }],
    });
    fs::write(folder.join("kubeconfig"), config.to_string()).expect("can be written");
}

/// Waits until the API server asks the webhook: a configuration takes a moment to reach it.
async fn injects(client: &Client) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let labels = json!({ "sidecommit.dev/inject": "true" });
    let probe = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "probe", "labels": labels },
        "spec": { "containers": [{ "name": "app", "image": "app:test" }] } });
    let probe: Pod = serde_json::from_value(probe).expect("a pod");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the webhook injects", 60, async || match pods.create(&dry, &probe).await {
        Ok(pod) => {
            pod.spec.and_then(|spec| spec.init_containers).is_some_and(|containers| !containers.is_empty())
        }
        Err(_) => false,
    })
    .await;
}
