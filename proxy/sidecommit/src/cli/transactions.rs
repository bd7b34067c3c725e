//! `sidecommit transactions`.

use super::{Operator, SettingsArgs, block_on, client, healthcheck::name, output};
use crate::{exit::Failure, settings::Environment};
use serde_json::{Value, json};
use sidecommit_core::TxnId;
use sidecommit_rpc::proto::v1::{
    AbortTransactionRequest, GetTransactionRequest, ListTransactionsRequest, PartitionRange, Transaction,
    admin_service_client::AdminServiceClient, get_transaction_request::By,
    transaction_service_client::TransactionServiceClient,
};

/// The server's own bound.
const LIST_MAX: i32 = 10_000;

/// What to do with transactions.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List transactions that are not final, oldest first
    List {
        #[command(flatten)]
        settings: SettingsArgs<Operator>,
        /// One JSON object instead of a table
        #[arg(long)]
        json: bool,
        /// At most so many
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(i32).range(1..=i64::from(LIST_MAX)))]
        limit: i32,
    },
    /// Show one transaction, open or remembered
    Show {
        #[command(flatten)]
        settings: SettingsArgs<Operator>,
        /// Its id, as Begin returned it
        transaction_id: TxnId,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Abort an open transaction; its application is told ABORTED_BY_OPERATOR
    Abort {
        #[command(flatten)]
        settings: SettingsArgs<Operator>,
        /// Its id, as Begin returned it
        transaction_id: TxnId,
        /// Why, for people
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Does it.
pub(super) fn run(command: &Command, environment: &Environment) -> Result<(), Failure> {
    match command {
        Command::List { settings, json, limit } => {
            let settings = settings.load(environment)?;
            block_on(async { list(client::admin(&settings).await?, *limit, *json).await })
        }
        Command::Show { settings, transaction_id, json } => {
            let settings = settings.load(environment)?;
            block_on(async {
                let open = find(client::admin(&settings).await?, *transaction_id).await?;
                let transaction = match open {
                    Some(transaction) => transaction,
                    None => remembered(client::application(&settings).await?, *transaction_id).await?,
                };
                if *json {
                    output::print_json(&to_json(&transaction))
                } else {
                    output::print(&page(&transaction))
                }
            })
        }
        Command::Abort { settings, transaction_id, reason } => {
            let settings = settings.load(environment)?;
            block_on(async {
                let mut admin = AdminServiceClient::new(client::admin(&settings).await?);
                let request = AbortTransactionRequest {
                    transaction_id: transaction_id.to_string(),
                    reason: reason.clone(),
                };
                admin.abort_transaction(request).await.map_err(|status| client::failure(&status))?;
                output::print(&format!("{transaction_id} aborted\n"))
            })
        }
    }
}

async fn list(channel: tonic::transport::Channel, limit: i32, json: bool) -> Result<(), Failure> {
    let mut admin = AdminServiceClient::new(channel);
    let answer = admin.list_transactions(ListTransactionsRequest { limit }).await;
    let answer = answer.map_err(|status| client::failure(&status))?.into_inner();
    if json {
        let transactions: Vec<Value> = answer.transactions.iter().map(to_json).collect();
        return output::print_json(&json!({ "transactions": transactions, "total": answer.total }));
    }
    let rows: Vec<Vec<String>> = answer.transactions.iter().map(row).collect();
    let head = ["TRANSACTION", "STATE", "AGE", "RECORDS", "OFFSETS", "LANE", "LABEL"];
    output::print(&format!("{}{} in all\n", output::table(&head, &rows), answer.total))
}

/// Looks among those that are not final first: asking for it by name would count as a sign of life of its application.
async fn find(channel: tonic::transport::Channel, id: TxnId) -> Result<Option<Transaction>, Failure> {
    let mut admin = AdminServiceClient::new(channel);
    let answer = admin.list_transactions(ListTransactionsRequest { limit: LIST_MAX }).await;
    let answer = answer.map_err(|status| client::failure(&status))?.into_inner();
    Ok(answer.transactions.into_iter().find(|transaction| transaction.transaction_id == id.to_string()))
}

async fn remembered(channel: tonic::transport::Channel, id: TxnId) -> Result<Transaction, Failure> {
    let mut service = TransactionServiceClient::new(channel);
    let request = GetTransactionRequest { by: Some(By::TransactionId(id.to_string())), wait: false };
    let answer = service.get_transaction(request).await.map_err(|status| client::failure(&status))?;
    let transaction = answer.into_inner().transaction;
    transaction.ok_or_else(|| Failure::Internal("the answer has no transaction".to_owned()))
}

fn state(transaction: &Transaction) -> String {
    name(transaction.state().as_str_name(), "TRANSACTION_STATE_")
}

fn reason(transaction: &Transaction) -> Option<String> {
    let name = transaction.reason().as_str_name().strip_prefix("REASON_")?;
    (name != "UNSPECIFIED").then(|| name.to_owned())
}

fn age_ms(transaction: &Transaction) -> u64 {
    transaction.age.map_or(0, |age| {
        u64::try_from(age.seconds).unwrap_or(0) * 1000 + u64::try_from(age.nanos).unwrap_or(0) / 1_000_000
    })
}

fn row(transaction: &Transaction) -> Vec<String> {
    vec![
        transaction.transaction_id.clone(),
        state(transaction),
        output::human(age_ms(transaction)),
        transaction.record_count.to_string(),
        transaction.offsets_count.to_string(),
        transaction.lane.map_or_else(|| "-".to_owned(), |lane| lane.to_string()),
        transaction.label.clone(),
    ]
}

fn page(transaction: &Transaction) -> String {
    let mut lines = vec![
        vec!["transaction".to_owned(), transaction.transaction_id.clone()],
        vec!["state".to_owned(), state(transaction)],
        vec!["reason".to_owned(), reason(transaction).unwrap_or_else(|| "-".to_owned())],
        vec!["label".to_owned(), transaction.label.clone()],
        vec!["age".to_owned(), output::human(age_ms(transaction))],
        vec!["records".to_owned(), transaction.record_count.to_string()],
        vec!["offsets".to_owned(), transaction.offsets_count.to_string()],
    ];
    let range = |r: &PartitionRange| {
        let place =
            format!("{}/{}: {} in {} to {}", r.topic, r.partition, r.count, r.first_offset, r.last_offset);
        vec!["range".to_owned(), place]
    };
    lines.extend(transaction.ranges.iter().map(range));
    output::table(&["FIELD", "VALUE"], &lines)
}

fn to_json(transaction: &Transaction) -> Value {
    let range = |r: &PartitionRange| {
        json!({
            "topic": r.topic,
            "partition": r.partition,
            "first_offset": r.first_offset,
            "last_offset": r.last_offset,
            "count": r.count,
        })
    };
    json!({
        "transaction_id": transaction.transaction_id,
        "state": state(transaction),
        "reason": reason(transaction),
        "label": transaction.label,
        "age_ms": age_ms(transaction),
        "record_count": transaction.record_count,
        "offsets_count": transaction.offsets_count,
        "lane": transaction.lane,
        "ranges": transaction.ranges.iter().map(range).collect::<Vec<_>>(),
    })
}
