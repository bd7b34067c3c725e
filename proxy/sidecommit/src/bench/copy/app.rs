//! The application behind the sidecar: reads, transforms, writes, and settles, each delivery in one transaction. A call that is refused
//! ends it, and with it the bench: nothing fails here, and figures of a run with failures would be of something else.

use super::{super::through, PARTITIONS};
use crate::{
    demo::{Stream, channel},
    exit::Failure,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use sidecommit_rpc::proto::v1::{
    ConsumedRecord, Delivery, DeliveryLimits, Record, Subscribe, TransactRequest, consume_response::Kind,
    transaction_service_client::TransactionServiceClient,
};
use std::{path::PathBuf, time::Duration};
use tonic::{Status, transport::Channel};

const CALL_DEADLINE: Duration = Duration::from_secs(60);
/// 1,000 records of 1 KB fit, and stay below gRPC's default of 4 MiB a message.
const DELIVERY_BYTES: i64 = 2 << 20;

/// Arguments of the application.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The sidecar's socket
    #[arg(long)]
    pub(super) socket: PathBuf,
    /// group.id
    #[arg(long)]
    pub(super) group: String,
    /// The topic to read
    #[arg(long)]
    pub(super) input: String,
    /// The topic to write
    #[arg(long)]
    pub(super) output: String,
    /// Records per transaction at most
    #[arg(long)]
    pub(super) records: u32,
}

/// Copies until it is killed.
pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let channel = channel::unix(&args.socket, CALL_DEADLINE);
    let client = TransactionServiceClient::new(channel.clone());
    through::serving(client.clone()).await?;
    match copy(args, channel, &client).await {
        Ok(never) => match never {},
        Err(status) => Err(through::failed(&status)),
    }
}

async fn copy(
    args: &Args,
    channel: Channel,
    client: &TransactionServiceClient<Channel>,
) -> Result<std::convert::Infallible, Status> {
    let (mut stream, _) = Stream::open(channel, args.subscribe()).await?;
    // Of each partition one delivery is outstanding at a time: so many transactions are under way at once.
    stream.credit(PARTITIONS);
    let mut transactions = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(done) = transactions.next() => {
                let done: Result<(), Status> = done;
                done?;
                stream.credit(1);
            }
            told = stream.next() => if let Kind::Delivery(delivery) = told? {
                transactions.push(transact(client.clone(), args.transaction(delivery)));
            }
        }
    }
}

async fn transact(
    mut client: TransactionServiceClient<Channel>,
    request: TransactRequest,
) -> Result<(), Status> {
    client.transact(request).await.map(|_| ())
}

// === impl Args ===

impl Args {
    fn subscribe(&self) -> Subscribe {
        let limits = DeliveryLimits {
            max_records: self.records.cast_signed(),
            max_delivery_bytes: DELIVERY_BYTES,
            ..DeliveryLimits::default()
        };
        Subscribe {
            group_id: self.group.clone(),
            topics: vec![self.input.clone()],
            limits: Some(limits),
            ..Subscribe::default()
        }
    }

    fn transaction(&self, delivery: Delivery) -> TransactRequest {
        let Delivery { delivery_id, partition, records, .. } = delivery;
        let copy = |record: ConsumedRecord| Record {
            topic: self.output.clone(),
            partition: Some(partition),
            key: record.key,
            value: record.value.map(upper_case),
            ..Record::default()
        };
        TransactRequest {
            idempotency_key: delivery_id.clone(),
            records: records.into_iter().map(copy).collect(),
            delivery_ids: vec![delivery_id],
            ..TransactRequest::default()
        }
    }
}

/// f. ASCII.
fn upper_case(value: Bytes) -> Bytes {
    value.to_ascii_uppercase().into()
}
