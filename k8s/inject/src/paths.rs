//! Names and paths inside the pod, once.

pub(crate) const CONTAINER: &str = "sidecommit";

pub(crate) const SOCKET_VOLUME: &str = "sidecommit-socket";
pub(crate) const SOCKET_FOLDER: &str = "/run/sidecommit";
pub(crate) const SOCKET: &str = "/run/sidecommit/api.sock";
pub(crate) const ADDRESS: &str = "unix:///run/sidecommit/api.sock";

pub(crate) const ADMIN_VOLUME: &str = "sidecommit-admin";
pub(crate) const ADMIN_FOLDER: &str = "/run/sidecommit-admin";
pub(crate) const ADMIN_SOCKET: &str = "/run/sidecommit-admin/admin.sock";

pub(crate) const JOURNAL_VOLUME: &str = "sidecommit-journal";
pub(crate) const JOURNAL_MOUNT: &str = "/var/lib/sidecommit";
/// A folder in the volume: a claim's root holds lost+found and belongs to root.
pub(crate) const JOURNAL_FOLDER: &str = "/var/lib/sidecommit/journal";

pub(crate) const TLS_VOLUME: &str = "sidecommit-tls";
pub(crate) const TLS_FOLDER: &str = "/etc/sidecommit/tls";

pub(crate) const TOKEN_VOLUME: &str = "sidecommit-token";
/// Where every client looks for it. The API server mounts its own only where no other mount is.
pub(crate) const TOKEN_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Containers of meshes, before which nothing may speak to the network, or through which it does.
pub(crate) const MESH: [&str; 6] = [
    "istio-init",
    "istio-validation",
    "istio-proxy",
    "linkerd-init",
    "linkerd-network-validator",
    "linkerd-proxy",
];

/// Sidecars of others that have no use for the socket, beside the meshes'.
pub(crate) const OTHER_SIDECARS: [&str; 8] = [
    "daprd",
    "vault-agent",
    "vault-agent-init",
    "otc-container",
    "jaeger-agent",
    "cloud-sql-proxy",
    "kuma-sidecar",
    "consul-dataplane",
];
