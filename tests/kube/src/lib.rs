//! A real Kubernetes control plane for tests, with a node whose pods are really run as processes, the product's own
//! manifests, and a real Kafka behind it.
//!
//! [`Plane::shared`] gives one control plane per test process, with the webhook on it; tests have namespaces of their own.

mod apply;
mod ledger;
mod plane;
mod pods;
mod webhook;
mod workload;

pub use apply::{apply, documents, resource};
pub use ledger::{Line, Outcomes};
pub use plane::{Options, Plane};
pub use pods::{Container, Namespace};
pub use webhook::{ONE_BROKER, Webhook};
pub use workload::{App, Workload};
