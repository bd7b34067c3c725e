//! `sidecommit groups`.

use super::{Operator, SettingsArgs, block_on, client, output};
use crate::{exit::Failure, settings::Environment};
use serde_json::{Value, json};
use sidecommit_rpc::proto::v1::{
    ConsumedPartition, ConsumerGroupSession, ListGroupsRequest, admin_service_client::AdminServiceClient,
};

/// What to do with consumer groups.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List what applications read: position, lag and what is outstanding, by partition
    List {
        #[command(flatten)]
        settings: SettingsArgs<Operator>,
        /// One JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(super) fn run(command: &Command, environment: &Environment) -> Result<(), Failure> {
    let Command::List { settings, json } = command;
    let settings = settings.load(environment)?;
    block_on(async {
        let mut admin = AdminServiceClient::new(client::admin(&settings).await?);
        let answer = admin.list_groups(ListGroupsRequest {}).await;
        let sessions =
            answer.map_err(|status| client::failure(&status))?.into_inner().consumer_group_sessions;
        if *json {
            let sessions: Vec<Value> = sessions.iter().map(to_json).collect();
            return output::print_json(&json!({ "sessions": sessions }));
        }
        let head = [
            "GROUP",
            "PARTITION",
            "POSITION",
            "SETTLED",
            "END",
            "LAG",
            "OUTSTANDING",
            "ATTEMPTS",
            "APPLICATION",
        ];
        let rows: Vec<Vec<String>> = sessions.iter().flat_map(rows).collect();
        output::print(&format!("{}{} sessions\n", output::table(&head, &rows), sessions.len()))
    })
}

/// A row per partition; one for a session that has none.
fn rows(session: &ConsumerGroupSession) -> Vec<Vec<String>> {
    let application = if session.connected { "connected" } else { "away" };
    if session.partitions.is_empty() {
        let mut row = vec!["-".to_owned(); 9];
        row[0].clone_from(&session.group_id);
        application.clone_into(&mut row[8]);
        return vec![row];
    }
    let known = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let row = |partition: &ConsumedPartition| {
        vec![
            session.group_id.clone(),
            format!("{}/{}", partition.topic, partition.partition),
            known(partition.position),
            known(partition.settled),
            known(partition.end),
            known(partition.lag),
            outstanding_ms(partition).map_or_else(|| "-".to_owned(), output::human),
            partition.attempts.to_string(),
            application.to_owned(),
        ]
    };
    session.partitions.iter().map(row).collect()
}

fn outstanding_ms(partition: &ConsumedPartition) -> Option<u64> {
    let age = partition.outstanding_age?;
    Some(u64::try_from(age.seconds).unwrap_or(0) * 1000 + u64::try_from(age.nanos).unwrap_or(0) / 1_000_000)
}

fn to_json(session: &ConsumerGroupSession) -> Value {
    let partition = |partition: &ConsumedPartition| {
        json!({
            "topic": partition.topic,
            "partition": partition.partition,
            "position": partition.position,
            "settled": partition.settled,
            "end": partition.end,
            "lag": partition.lag,
            "outstanding_delivery_id": partition.outstanding_delivery_id,
            "outstanding_ms": outstanding_ms(partition),
            "buffered_bytes": partition.buffered_bytes,
            "attempts": partition.attempts,
        })
    };
    json!({
        "session_id": session.session_id,
        "group_id": session.group_id,
        "group_instance_id": session.group_instance_id,
        "connected": session.connected,
        "credit": session.credit,
        "partitions": session.partitions.iter().map(partition).collect::<Vec<_>>(),
        "retried": session.retried,
        "dead_lettered": session.dead_lettered,
        "rebalances": session.rebalances,
    })
}
