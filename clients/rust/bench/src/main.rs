//! Measures the Rust client: large transactions one after the other, or small ones of concurrent callers. clients/README.md is the
//! contract of the command line.
#![deny(rust_2018_idioms, clippy::disallowed_methods, clippy::disallowed_types)]
#![forbid(unsafe_code)]

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use futures_util::future::try_join_all;
use serde_json::json;
use sidecommit_client::{Error, Record, Sidecommit};
use std::time::{Duration, Instant};

/// Of a bulk transaction.
const BULK_RECORDS: usize = 10_000;
const BULK_BYTES: usize = 1000;
/// Of small ones.
const CALLERS: usize = 32;
const SMALL_BYTES: usize = 100;
/// Before small ones are counted.
const WARM_UP: Duration = Duration::from_secs(2);

#[derive(Debug, Parser)]
struct Options {
    #[arg(value_enum)]
    load: Load,
    /// Where to write
    #[arg(long)]
    topic: String,
    /// How long to measure
    #[arg(long, value_parser = seconds)]
    seconds: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Load {
    /// Transactions of 10,000 records of 1 KB
    Bulk,
    /// 32 callers, each with transactions of one record of 100 bytes
    Small,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let options = Options::parse();
    let client = Sidecommit::connect().await?;
    let (transactions, records, seconds) = match options.load {
        Load::Bulk => bulk(&client, &options).await?,
        Load::Small => small(&client, &options).await?,
    };
    println!("{}", json!({"records": records, "transactions": transactions, "seconds": seconds}));
    Ok(())
}

/// One after the other, at least one.
async fn bulk(client: &Sidecommit, options: &Options) -> Result<(usize, usize, f64), Error> {
    let values: Vec<Bytes> = (0..BULK_RECORDS).map(|_| random(BULK_BYTES)).collect();
    let transaction = async || {
        client
            .run(async |txn| {
                for value in &values {
                    txn.produce(Record::new(&options.topic).value(value.clone())).await?;
                }
                Ok(())
            })
            .await
    };
    transaction().await?;
    let start = Instant::now();
    let mut transactions = 0;
    while transactions == 0 || start.elapsed() < options.seconds {
        transaction().await?;
        transactions += 1;
    }
    Ok((transactions, transactions * BULK_RECORDS, start.elapsed().as_secs_f64()))
}

async fn small(client: &Sidecommit, options: &Options) -> Result<(usize, usize, f64), Error> {
    let start = Instant::now() + WARM_UP;
    let end = start + options.seconds;
    let caller = async || {
        let (value, mut transactions) = (random(SMALL_BYTES), 0);
        while Instant::now() < end {
            client.transact([Record::new(&options.topic).value(value.clone())]).await?;
            let now = Instant::now();
            transactions += usize::from(start <= now && now < end);
        }
        Ok::<_, Error>(transactions)
    };
    let callers = try_join_all((0..CALLERS).map(|_| caller())).await?;
    let transactions = callers.into_iter().sum();
    Ok((transactions, transactions, options.seconds.as_secs_f64()))
}

fn random(bytes: usize) -> Bytes {
    (0..bytes).map(|_| fastrand::u8(..)).collect()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "want seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
