//! An application that reads orders, makes bills of them, and writes these: each delivery in one transaction that settles it. It
//! knows nothing but the gRPC API, and after each failure does what next_action says.

mod bill;
mod stream;
mod worker;

pub(crate) use stream::Stream;

use super::{
    super::{
        advice::{Advice, Call},
        channel,
    },
    said::Said,
};
use crate::exit::Failure;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use sidecommit_rpc::proto::v1::{
    DeliveryLimits, NextAction, Subscribe, TopicPartition, consume_response::Kind,
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::watch;
use tonic::Status;
use worker::Worker;

/// Longer than a Commit waits for an outcome in doubt (limits.pending_wait) or a start (limits.recovering_wait), and than a pause.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// Deliveries at once.
const CREDIT: i32 = 4;
/// Small enough for many transactions.
const RECORDS_PER_DELIVERY: i32 = 25;
/// An application that is paused for longer has lost its partitions.
const DELIVERY_TIMEOUT_S: i64 = 6;

/// Arguments of an application.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The sidecar's socket
    #[arg(long)]
    socket: PathBuf,
    /// group.id
    #[arg(long)]
    group: String,
    /// The topic to read
    #[arg(long)]
    input: String,
    /// The topic to write
    #[arg(long)]
    output: String,
}

/// The command line that makes them.
pub(super) fn arguments(socket: &Path, group: &str, input: &str, output: &str) -> Vec<OsString> {
    let socket = [OsString::from("--socket"), socket.into()];
    let others = ["--group", group, "--input", input, "--output", output].map(OsString::from);
    socket.into_iter().chain(others).collect()
}

/// Works until its standard input ends; then it finishes what it has begun.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let over = until_input_ends();
    let channel = channel::unix(&args.socket, CALL_DEADLINE);
    let worker = Worker::new(channel.clone(), &args.output);
    let mut session = String::new();
    while !*over.borrow() {
        let ended = match Stream::open(channel.clone(), args.subscribe(&session)).await {
            Ok((stream, started)) => {
                Said::Begun { resumed: started.resumed }.tell()?;
                session = started.session_id;
                match serve(stream, &worker, over.clone()).await? {
                    Some(ended) => ended,
                    None => return Ok(()),
                }
            }
            Err(status) => status,
        };
        let advice = Advice::of(&ended, Call::Other);
        match advice.next {
            NextAction::FixRequest | NextAction::Stop => {
                return Err(Failure::Internal(format!("the sidecar refused the application: {ended}")));
            }
            // The session is over.
            NextAction::BeginAgain => session.clear(),
            _ => {}
        }
        worker.rest(&advice).await;
    }
    Ok(())
}

/// Works until the stream ends, and says with what status. None: it is over.
async fn serve(
    mut stream: Stream,
    worker: &Worker,
    mut over: watch::Receiver<bool>,
) -> Result<Option<Status>, Failure> {
    let mut works = FuturesUnordered::new();
    stream.credit(CREDIT);
    let ended = loop {
        tokio::select! {
            Some(done) = works.next() => {
                let done: Result<Said, Failure> = done;
                done?.tell()?;
                stream.credit(1);
            }
            told = stream.next() => match told {
                Ok(Kind::Delivery(delivery)) => works.push(worker.work(delivery)),
                Ok(Kind::Assigned(assigned)) => Said::Assigned(numbers(&assigned.partitions)).tell()?,
                Ok(Kind::Revoked(revoked)) => Said::Revoked(numbers(&revoked.partitions)).tell()?,
                Ok(_) => {}
                Err(status) => break Some(status),
            },
            _ = over.wait_for(|over| *over) => break None,
        }
    };
    // Each transaction has an outcome, whatever became of the stream: a delivery must not come again while it is worked on.
    while let Some(done) = works.next().await {
        done?.tell()?;
    }
    Ok(ended)
}

fn numbers(partitions: &[TopicPartition]) -> Vec<i32> {
    partitions.iter().map(|partition| partition.partition).collect()
}

/// Whoever started it asks it to end by that, or has ended.
fn until_input_ends() -> watch::Receiver<bool> {
    let (tell, over) = watch::channel(false);
    // A thread that the process's end does not wait for, as it would for tokio's.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        tell.send_replace(true);
    });
    over
}

// === impl Args ===

impl Args {
    fn subscribe(&self, session: &str) -> Subscribe {
        Subscribe {
            group_id: self.group.clone(),
            topics: vec![self.input.clone()],
            limits: Some(DeliveryLimits { max_records: RECORDS_PER_DELIVERY, ..DeliveryLimits::default() }),
            delivery_timeout: Some(prost_types::Duration { seconds: DELIVERY_TIMEOUT_S, nanos: 0 }),
            session_id: session.to_owned(),
            ..Subscribe::default()
        }
    }
}
