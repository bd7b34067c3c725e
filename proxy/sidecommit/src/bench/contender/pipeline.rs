//! The application that copies: reads, transforms, writes, and settles, each delivery in one transaction. A call that is refused
//! ends it, and with it the bench: nothing fails here, and figures of a run with failures would be of something else.

use super::{Args, Figures, announce, is_within, serving};
use crate::{
    bench::load::{Client, Measured, Window, failed},
    demo::{Stream, channel},
    exit::Failure,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use sidecommit_rpc::proto::v1::{
    ConsumedRecord, Delivery, DeliveryLimits, Record, Subscribe, TransactRequest, consume_response::Kind,
};
use std::time::{Duration, Instant};
use tonic::Status;

const CALL_DEADLINE: Duration = Duration::from_secs(60);
/// 1,000 records of 1 KB fit, and stay below gRPC's default of 4 MiB a message.
const DELIVERY_BYTES: i64 = 2 << 20;
/// Of each partition one delivery is outstanding at a time: of so many partitions all are under way at once.
const CREDIT: i32 = 6;

/// Copies until the window is over. It begins when the first delivery has come: joining a group is not what is measured.
pub(super) async fn run(args: &Args) -> Result<Figures, Failure> {
    let client = serving(args).await?;
    let channel = channel::unix(&args.socket, CALL_DEADLINE);
    let (stream, _) = Stream::open(channel, subscribe(args)).await.map_err(|status| failed(&status))?;
    let mut job = Job { stream, client, output: args.load.topic.clone() };
    job.stream.credit(CREDIT);
    let first = job.next().await.map_err(|status| failed(&status))?;
    let window = Window::of(args.load.warmup, args.load.seconds);
    let copied = async { job.copy(first, window).await.map_err(|status| failed(&status)) };
    let (figures, ()) = tokio::try_join!(copied, announce(window))?;
    Ok(figures)
}

fn subscribe(args: &Args) -> Subscribe {
    let limits = DeliveryLimits {
        max_records: args.load.records.unwrap_or(1).cast_signed(),
        max_delivery_bytes: DELIVERY_BYTES,
        ..DeliveryLimits::default()
    };
    Subscribe {
        group_id: args.group.clone().unwrap_or_default(),
        topics: args.input.iter().cloned().collect(),
        limits: Some(limits),
        ..Subscribe::default()
    }
}

struct Job {
    stream: Stream,
    client: Client,
    output: String,
}

/// A delivery that was copied.
struct Copied {
    began: Instant,
    records: u64,
}

// === impl Job ===

impl Job {
    async fn next(&mut self) -> Result<Delivery, Status> {
        loop {
            if let Kind::Delivery(delivery) = self.stream.next().await? {
                return Ok(delivery);
            }
        }
    }

    async fn copy(&mut self, first: Delivery, window: Window) -> Result<Figures, Status> {
        let (mut measured, mut records) = (Measured::new(), 0);
        let mut under_way = FuturesUnordered::new();
        under_way.push(self.transact(first));
        // What is under way at the end is waited for; more is not begun.
        while !under_way.is_empty() || !window.is_over() {
            tokio::select! {
                Some(copied) = under_way.next() => {
                    let copied: Copied = copied?;
                    if is_within(&window, copied.began) {
                        measured.count(&window, copied.began, copied.began);
                        records += copied.records;
                    }
                    self.stream.credit(1);
                }
                delivery = self.next(), if !window.is_over() => under_way.push(self.transact(delivery?)),
                () = tokio::time::sleep_until(window.end().into()), if under_way.is_empty() => {}
            }
        }
        Ok(Figures::of(&measured, records))
    }

    fn transact(&self, delivery: Delivery) -> impl Future<Output = Result<Copied, Status>> + use<> {
        let copied = Copied { began: Instant::now(), records: delivery.records.len() as u64 };
        let (mut client, request) = (self.client.clone(), transaction(&self.output, delivery));
        async move { client.transact(request).await.map(|_| copied) }
    }
}

fn transaction(output: &str, delivery: Delivery) -> TransactRequest {
    let Delivery { delivery_id, partition, records, .. } = delivery;
    let copy = |record: ConsumedRecord| Record {
        topic: output.to_owned(),
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

/// f. ASCII.
fn upper_case(value: Bytes) -> Bytes {
    value.to_ascii_uppercase().into()
}
