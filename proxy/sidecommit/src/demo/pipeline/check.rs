//! The checker: reads input and output with Kafka's own console consumer, as read_committed readers see them, and compares. It
//! shares nothing with the applications, and computes what they should have.

mod verdict;

pub(super) use verdict::Verdict;

use super::super::console;
use crate::exit::Failure;
use std::collections::BTreeMap;
use verdict::{Row, Topic};

/// Arguments of the checker.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The topic that was read
    #[arg(long)]
    input: String,
    /// The topic that was written
    #[arg(long)]
    output: String,
    /// Kafka
    #[arg(long)]
    bootstrap_servers: String,
}

/// Reads, compares, and prints the verdict as JSON.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let read = |topic| read(&args.bootstrap_servers, topic);
    let (input, output) = futures_util::future::try_join(read(&args.input), read(&args.output)).await?;
    let verdict = verdict::judge(&input, &output);
    println!("{}", serde_json::to_string(&verdict).map_err(Failure::internal)?);
    Ok(())
}

async fn read(servers: &str, topic: &str) -> Result<Topic, Failure> {
    let mut records: BTreeMap<i32, BTreeMap<i64, Row>> = BTreeMap::new();
    console::read(
        servers,
        topic,
        |partition| format!("end of {partition}"),
        |message| {
            let row = Row { key: message.key.to_owned(), value: message.value.to_owned() };
            records.entry(message.partition).or_default().insert(message.offset, row);
            Ok(())
        },
    )
    .await?;
    // In the order of their offsets.
    Ok(records.into_iter().map(|(partition, rows)| (partition, rows.into_values().collect())).collect())
}
