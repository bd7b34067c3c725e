//! What a read_committed reader sees of a run.

use super::{
    super::{
        console,
        records::{CREDITS, DEBITS, Half, Says, Value},
    },
    verdict::Seen,
};
use crate::exit::Failure;

/// Everything of a run.
pub(super) async fn read(servers: &str, run: &str) -> Result<Seen, Failure> {
    let (debits, credits) =
        futures_util::future::try_join(halves(servers, DEBITS, run), halves(servers, CREDITS, run)).await?;
    Ok(Seen { debits, credits })
}

async fn halves(servers: &str, topic: &str, run: &str) -> Result<Vec<Half>, Failure> {
    let mark = |partition| Value { run: run.to_owned(), says: Says::End { partition } }.encode();
    let mut halves = Vec::new();
    console::read(servers, topic, mark, |message| {
        let value: Value = serde_json::from_str(message.value).map_err(Failure::internal)?;
        if let (true, Says::Moved(half)) = (value.run == run, value.says) {
            halves.push(half);
        }
        Ok(())
    })
    .await?;
    Ok(halves)
}
