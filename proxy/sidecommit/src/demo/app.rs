//! The application: transfers money between accounts, one debit and one credit record each, in transactions. It knows
//! nothing but the gRPC API, and after each failure does what next_action says.

mod answer;
mod caller;
mod transfer;

use super::{channel, ledger};
use crate::exit::Failure;
use caller::Caller;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};
use transfer::Transfer;

/// Longer than a Commit waits for an outcome in doubt (limits.pending_wait) or a start (limits.recovering_wait).
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// Arguments of the application.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The sidecar's socket
    #[arg(long)]
    socket: PathBuf,
    /// Where to write down what was told
    #[arg(long)]
    ledger: PathBuf,
    /// Names the run in each record
    #[arg(long)]
    run: String,
    /// Transfers to be acknowledged
    #[arg(long)]
    transactions: u64,
    /// Seed of everything random
    #[arg(long)]
    seed: u64,
    /// Transfers at once
    #[arg(long, default_value_t = 4)]
    callers: usize,
}

/// The command line that makes them.
pub(super) fn arguments(
    socket: &Path,
    ledger: &Path,
    run: &str,
    transactions: u64,
    seed: u64,
) -> Vec<OsString> {
    let pair = |flag: &str, value: OsString| [OsString::from(flag), value];
    [
        pair("--socket", socket.into()),
        pair("--ledger", ledger.into()),
        pair("--run", run.into()),
        pair("--transactions", transactions.to_string().into()),
        pair("--seed", seed.to_string().into()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Transfers until all is done.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let ledger = Mutex::new(ledger::Writer::open(&args.ledger)?);
    let transfers: Mutex<VecDeque<Transfer>> = Mutex::new(transfer::transfers(args.transactions, args.seed));
    let channel = channel::unix(&args.socket, CALL_DEADLINE);
    let callers = (0..args.callers).map(|nth| {
        let caller = Caller::new(channel.clone(), &args.run, args.seed.wrapping_add(nth as u64));
        work(caller, &transfers, &ledger)
    });
    try_join_all(callers).await.map(|_| ())
}

async fn work(
    mut caller: Caller,
    transfers: &Mutex<VecDeque<Transfer>>,
    ledger: &Mutex<ledger::Writer>,
) -> Result<(), Failure> {
    loop {
        let Some(transfer) = transfers.lock().pop_front() else { return Ok(()) };
        for attempt in 0.. {
            let told = caller.attempt(&transfer, attempt).await?;
            let line = told.line(&transfer, attempt);
            ledger.lock().append(&line)?;
            if transfer.is_settled_by(line.outcome) {
                break;
            }
        }
    }
}
