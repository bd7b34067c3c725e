//! The table of settings: name, accepted form, default and meaning of each, from which the flags, the variables, the
//! file's keys, [`super::Settings`]' fields, `config print` and docs/configuration.md are made.

use super::form::{Field, Form};
use super::sources::Values;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, as in the file; sections are separated by dots.
    pub name: &'static str,
    /// What it accepts.
    pub form: Form,
    /// Its value when nothing is said.
    pub default: Option<&'static str>,
    /// What it means.
    pub doc: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:literal $field:ident: $type:ty $(= $default:literal)?, $form:expr;)*) => {
        /// All settings.
        pub const TABLE: &[Setting] = &[
            $(Setting {
                name: $name,
                form: $form,
                default: settings!(@default $($default)?),
                doc: concat!($($doc),+),
            }),*
        ];

        /// What was set, typed and checked.
        #[derive(Clone, Debug)]
        pub struct Fields {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl Fields {
            /// Reads all values, each of which is known to be of its setting's form.
            pub(super) fn read(values: &Values) -> Self {
                Self { $($field: Field::from_parsed(values.parsed($name)).expect("the form fits the field"),)* }
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

settings! {
    /// Kafka brokers to start from. Required.
    "bootstrap_servers" bootstrap_servers: Option<String>, Form::Servers;

    /// Where the identity comes from: `auto` is from the settings below, `static` is workload and ordinal (or slot) as
    /// they are set, whatever the pod is called: whoever sets them vouches that one pod at a time uses them. `lease` is one of the workload's slots, whichever Lease can be
    /// claimed (for a Deployment: its pods have no ordinals). `lease` requires prefix, namespace, workload and pod_uid, and a
    /// service account that may get, list, create and update Leases in its namespace.
    "identity" identity_from: IdentityFrom = "auto", Form::Choice(&["auto", "static", "lease"]);
    /// The whole identity, explicitly: `<prefix>/<namespace>/<workload>/<ordinal>`. The transactional.ids are this
    /// and a lane's number. One pod at a time may use it, and it must survive restarts.
    "slot" slot: Option<String>, Form::Text;
    /// First part of the slot: names the cluster, so that two clusters on one Kafka never share transactional.ids.
    /// Required in Kubernetes; else `local`.
    "prefix" prefix: Option<String>, Form::Text;
    /// Second part of the slot. In Kubernetes the pod's namespace (downward API, metadata.namespace), required; else
    /// `default`.
    "namespace" namespace: Option<String>, Form::Text;
    /// Third part of the slot. Default: the pod's name without its ordinal.
    "workload" workload: Option<String>, Form::Text;
    /// Fourth part of the slot, a number. Default: the pod-index, else the ordinal at the end of the pod's name.
    "ordinal" ordinal: Option<String>, Form::Text;
    /// The pod's name (downward API, metadata.name).
    "pod_name" pod_name: Option<String>, Form::Text;
    /// The pod's uid (downward API, metadata.uid), by which a sidecar that was replaced recognises itself. Required in
    /// Kubernetes; else `host:` and the machine's name.
    "pod_uid" pod_uid: Option<String>, Form::Text;
    /// The ordinal that a StatefulSet gave (downward API, metadata.labels['apps.kubernetes.io/pod-index']).
    "pod_index" pod_index: Option<String>, Form::Text;
    /// The mark of a Deployment's pod (downward API, metadata.labels['pod-template-hash']), which has no ordinal.
    "pod_template_hash" pod_template_hash: Option<String>, Form::Text;

    /// The journal's folder; it is made if it is not there. One process at a time.
    "journal_dir" journal_dir: PathBuf = "/var/lib/sidecommit/journal", Form::Path;
    /// The Unix socket for applications.
    "socket" socket: Option<PathBuf> = "/run/sidecommit/api.sock", Form::SocketOrNone;
    /// The socket's permissions. Who may open it is decided by who sees its folder: with another uid than the
    /// sidecar's 0660 is not enough.
    "socket_mode" socket_mode: u32 = "0666", Form::Mode;
    /// Loopback TCP for applications that have no Unix sockets. Default: off.
    "tcp_address" tcp_address: Option<SocketAddr>, Form::Loopback;
    /// The Unix socket for operators (`sidecommit transactions`, `resume`, `healthcheck`), permissions 0600. Keep it in a
    /// folder that applications do not see.
    "admin_socket" admin_socket: PathBuf = "/run/sidecommit-admin/admin.sock", Form::Socket;
    /// HTTP with /metrics (Prometheus), /livez and /readyz. Default: off.
    "metrics_address" metrics_address: Option<SocketAddr>, Form::Address;
    /// The largest gRPC message accepted.
    "max_message_size" max_message_size: usize = "16MiB", Form::Size(64 << 10, 1 << 30);
    /// After SIGTERM open transactions may take so long to finish, if an application is still connected.
    "grace" grace: Duration = "25s", Form::Duration(2_000, HOUR);

    /// With `identity = lease`: the workload's slots, an upper bound and not the number of replicas (a rolling update has more pods for
    /// a while). The same for all its pods.
    "leases.slots" leases_slots: u32 = "64", Form::Integer(1, 1_000);
    /// A Lease that was not renewed for so long may be taken by another pod. The same for all pods of the workload.
    "leases.duration" leases_duration: Duration = "15s", Form::Duration(3_000, 300_000);
    /// For a StatefulSet's pod of ordinal 0: whether it settles the ids of pods that were scaled away, so that readers need not wait
    /// for the transaction timeout of what they left open. Needs a service account that may get the StatefulSet.
    "leases.settle_statefulset" leases_settle_statefulset: bool = "false", Form::Choice(&["true", "false"]);

    /// Whether POST /shutdown over loopback ends the sidecar as SIGTERM does: for Jobs on clusters without native sidecars. Any
    /// process of the pod may do so then.
    "admin.shutdown" admin_shutdown: bool = "false", Form::Choice(&["true", "false"]);
    /// Where /shutdown is served. Default: with metrics_address, to callers from loopback only.
    "admin.shutdown_address" admin_shutdown_address: Option<SocketAddr>, Form::Loopback;

    /// Where outcomes are kept in Kafka: a compacted topic, or the metadata of private groups' offsets, for those who
    /// cannot create topics.
    "outcomes.mode" outcomes_mode: OutcomesMode = "topic", Form::Choice(&["topic", "private-groups"]);
    /// The outcomes topic. Default: `<prefix>.sidecommit-outcomes`.
    "outcomes.topic" outcomes_topic: Option<String>, Form::Topic;
    /// Its partitions, the same for all sidecars that share it: a slot's partition is a hash of its name.
    "outcomes.partitions" outcomes_partitions: i32 = "16", Form::Integer(1, 10_000);
    /// Its replication. Less than 3 can lose outcomes and is warned about.
    "outcomes.replication_factor" outcomes_replication_factor: u16 = "3", Form::Integer(1, 100);
    /// Its min.insync.replicas. Less than 2 can lose outcomes and is warned about.
    "outcomes.min_insync_replicas" outcomes_min_insync_replicas: u16 = "2", Form::Integer(1, 100);
    /// For `private-groups`: an existing topic on whose partition the private groups commit their offsets.
    "outcomes.private_groups_topic" outcomes_private_groups_topic: Option<String>, Form::Topic;
    /// For `private-groups`: that partition.
    "outcomes.private_groups_partition" outcomes_private_groups_partition: i32 = "0", Form::Integer(0, 1_000_000);

    /// Whether small transactions that are committed at the same time share one Kafka transaction, as a database's log shares
    /// one sync. Each keeps its own outcome.
    "group_commit.enabled" group_commit_enabled: bool = "true", Form::Choice(&["true", "false"]);
    /// Transactions that share one Kafka transaction at most; at most 90 with `private-groups`.
    "group_commit.transactions" group_commit_transactions: usize = "256", Form::Integer(1, 1_000);
    /// Records that share one Kafka transaction at most; a transaction alone may have more.
    "group_commit.records" group_commit_records: u64 = "10000", Form::Integer(1, 1_000_000_000);
    /// Bytes that share one Kafka transaction at most; a transaction alone may have more.
    "group_commit.bytes" group_commit_bytes: u64 = "1MiB", Form::Size(1, 1 << 40);
    /// How long a transaction waits for company at most; few wait up to ten times as long for many that are under way. One that has none
    /// to expect does not wait.
    "group_commit.wait" group_commit_wait: u64 = "5ms", Form::Duration(0, 1_000);

    /// Lanes (transactional.ids) at most.
    "limits.lanes_max" lanes_max: u16 = "8", Form::Integer(1, 256);
    /// Lanes that streaming transactions leave free for small ones. Less than limits.lanes_max.
    "limits.lanes_reserved" lanes_reserved: u16 = "2", Form::Integer(0, 255);
    /// Producers kept open when idle. More are opened as the load wants them, up to limits.lanes_max, and closed when they were not used
    /// for 30 s. At most limits.lanes_max.
    "limits.lanes_warm" lanes_warm: u16 = "2", Form::Integer(0, 256);
    /// Attempts of a group whose Kafka transaction was aborted for a cause that is nobody's fault.
    "limits.group_attempts_max" group_attempts_max: u32 = "3", Form::Integer(1, 100);
    /// Open transactions at most; beyond, Begin is refused.
    "limits.open_transactions" open_transactions: usize = "1000", Form::Integer(1, 1_000_000);
    /// Committing transactions that wait for a lane; beyond, Begin is refused.
    "limits.queue" queue: usize = "1000", Form::Integer(1, 1_000_000);
    /// Records per transaction.
    "limits.records_per_transaction" records_per_transaction: u64 = "1000000", Form::Integer(1, 1_000_000_000);
    /// Bytes per transaction.
    "limits.bytes_per_transaction" bytes_per_transaction: u64 = "1GiB", Form::Size(1 << 10, 1 << 40);
    /// A transaction larger than this streams on a lane of its own instead of waiting in memory. At most
    /// limits.bytes_per_transaction and limits.buffer_bytes.
    "limits.streaming_bytes" streaming_bytes: u64 = "256KiB", Form::Size(0, 1 << 40);
    /// Bytes accepted and not yet delivered, over all transactions; as many may have come of messages that are not whole
    /// yet. At least max_message_size.
    "limits.buffer_bytes" buffer_bytes: u64 = "256MiB", Form::Size(1 << 20, 1 << 40);
    /// Bytes handed to one lane and not yet delivered. At most limits.buffer_bytes.
    "limits.lane_window_bytes" lane_window_bytes: u64 = "16MiB", Form::Size(64 << 10, 1 << 40);
    /// A transaction is aborted when its application has not called for so long, and a message refused that has begun and
    /// not ended. Less than limits.lane_timeout.
    "limits.idle_timeout" idle_timeout: u64 = "10s", Form::Duration(100, HOUR);
    /// Total life of a transaction whose Begin names none. At most limits.max_timeout.
    "limits.default_timeout" default_timeout: u64 = "25s", Form::Duration(100, DAY);
    /// Total life of a transaction at most.
    "limits.max_timeout" max_timeout: u64 = "15m", Form::Duration(100, DAY);
    /// transaction.timeout.ms of the lanes; a streaming transaction is ended 5 s before. Less than the consumers'
    /// session.timeout.ms (45 s by default), else Consume is refused; within the brokers' transaction.max.timeout.ms.
    "limits.lane_timeout" lane_timeout: u64 = "30s", Form::Duration(6_000, HOUR);
    /// How long a call waits for a recovering sidecar before it is told RECOVERING.
    "limits.recovering_wait" recovering_wait: u64 = "5s", Form::Duration(0, 60_000);
    /// How long a Commit or Abort waits for an outcome in doubt before it is told OUTCOME_PENDING.
    "limits.pending_wait" pending_wait: u64 = "2s", Form::Duration(0, 60_000);
    /// Outcomes remembered.
    "limits.outcomes_remembered" outcomes_remembered: usize = "100000", Form::Integer(64, 10_000_000);
    /// Consume sessions at most; beyond, Consume is refused.
    "limits.sessions" sessions: usize = "100", Form::Integer(1, 100_000);
    /// How long an application may hold a delivery when its subscription does not say; after that it loses its partitions.
    "limits.delivery_timeout" delivery_timeout: u64 = "5m", Form::Duration(100, DAY);
    /// How long a Consume session outlives its stream: within it, an application goes on where it was; after it, the
    /// application counts as dead.
    "limits.session_grace" session_grace: u64 = "10s", Form::Duration(0, HOUR);
    /// How long a partition that a rebalance takes is held back for a commit that is under way; the group's other
    /// members wait meanwhile.
    "limits.revoke_wait" revoke_wait: u64 = "5s", Form::Duration(0, 60_000);
    /// Bytes of one session that were read and not delivered; beyond, its partitions are paused.
    "limits.read_ahead_bytes" read_ahead_bytes: u64 = "16MiB", Form::Size(64 << 10, 1 << 40);
    /// Bytes of all sessions that were read and not delivered: each has an equal share, and at most
    /// limits.read_ahead_bytes.
    "limits.read_ahead_total_bytes" read_ahead_total_bytes: u64 = "256MiB", Form::Size(64 << 10, 1 << 40);
    /// Least time between two replacements of one lane's producer after a fence.
    "limits.reopen_backoff" reopen_backoff: u64 = "500ms", Form::Duration(0, 60_000);

    /// One line of text or one JSON object per event, on standard error.
    "log.format" log_format: LogFormat = "text", Form::Choice(&["text", "json"]);
    /// What is logged.
    "log.level" log_level: LogLevel = "info", Form::Choice(&["error", "warn", "info", "debug", "trace"]);

    /// For crash tests: the process kills or stops itself, the nth time it gets to this point (`point[:nth][:stop]`).
    "failpoint" failpoint: Option<String>, Form::Text;
}

macro_rules! choice {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)+
        }

        impl Field for $name {
            fn from_parsed(parsed: super::form::Parsed) -> Option<Self> {
                match String::from_parsed(parsed)?.as_str() {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

choice! {
    /// Where the identity comes from.
    IdentityFrom {
        /// The settings: explicit, or a StatefulSet's pod.
        Auto = "auto",
        /// The settings, whatever the pod is called.
        Static = "static",
        /// A Lease.
        Lease = "lease",
    }
}

choice! {
    /// Where outcomes are kept in Kafka.
    OutcomesMode {
        /// A compacted topic.
        Topic = "topic",
        /// Metadata of private groups' offsets.
        PrivateGroups = "private-groups",
    }
}

choice! {
    /// How the log is written.
    LogFormat {
        /// For people.
        Text = "text",
        /// For machines.
        Json = "json",
    }
}

choice! {
    /// What is logged.
    LogLevel {
        /// Needs a person.
        Error = "error",
        /// Might need one.
        Warn = "warn",
        /// State changes.
        Info = "info",
        /// Each call.
        Debug = "debug",
        /// Each step.
        Trace = "trace",
    }
}

// === impl Setting ===

impl Setting {
    /// The setting of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|setting| setting.name == name)
    }

    /// The name of its flag, without the dashes.
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// The name of its variable.
    pub fn variable(&self) -> String {
        format!("SIDECOMMIT_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// Whether users have no business with it.
    pub fn hidden(&self) -> bool {
        self.name == "failpoint"
    }
}
