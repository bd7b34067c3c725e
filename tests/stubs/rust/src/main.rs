//! Begin, Produce and Commit, and Consume, with what tonic generates, over the socket and over TCP.
#![forbid(unsafe_code)]

use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};
use sidecommit_rpc::proto::{
    google_rpc::{self, ErrorInfo},
    v1::{
        BeginRequest, CommitRequest, ConsumeRequest, ConsumedRecord, Credit, Delivery, ErrorDetail,
        GetServerInfoRequest, Header, PartitionRange, ProduceRequest, Record, SendOffsetsRequest, Subscribe,
        TransactRequest, TransactionState, consume_request, consume_response,
        consume_service_client::ConsumeServiceClient, transaction_service_client::TransactionServiceClient,
    },
};
use std::{env, error::Error, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

const CALL_MAX: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let socket = format!("unix://{}", env::var("SIDECOMMIT_SOCKET")?);
    let tcp = format!("http://{}", env::var("SIDECOMMIT_TCP")?);
    for (transport, target) in [("unix", socket.clone()), ("tcp", tcp)] {
        println!("{}", transact(transport, target).await?);
    }
    println!("{}", copy(socket).await?);
    Ok(())
}

async fn transact(transport: &str, target: String) -> Result<Value, Box<dyn Error>> {
    let channel = Endpoint::from_shared(target)?.timeout(CALL_MAX).connect().await?;
    let mut stub = TransactionServiceClient::new(channel);
    let info = stub.get_server_info(GetServerInfoRequest {}).await?.into_inner();
    let begin = BeginRequest { request_id: unique(), ..BeginRequest::default() };
    let transaction_id = stub.begin(begin).await?.into_inner().transaction_id;
    let records = records(env::var("SIDECOMMIT_TOPIC")?, &format!("rust/{transport}"));
    let produce = ProduceRequest { transaction_id: transaction_id.clone(), sequence: 0, records };
    let count = stub.produce(produce).await?.into_inner().next_sequence;

    let commit = CommitRequest {
        transaction_id,
        record_count: Some(count),
        offsets_count: Some(0),
        ..CommitRequest::default()
    };
    let wrong = CommitRequest { record_count: Some(count + 1), ..commit.clone() };
    let refused = match stub.commit(wrong).await {
        Ok(_) => Value::Null,
        Err(status) => refusal(&status)?,
    };
    let reply = stub.commit(commit.clone()).await?.into_inner();
    let again = stub.commit(commit).await?.into_inner();
    Ok(json!({
        "language": "rust",
        "transport": transport,
        "identity": info.identity,
        "transaction_id": reply.transaction_id,
        "committed": reply.state() == TransactionState::Committed,
        "ranges": reply.ranges.iter().map(range).collect::<Vec<_>>(),
        "refused": refused,
        "repeat_equal": again == reply,
    }))
}

/// Settles what is delivered, if it is to be settled; hangs up when there is nothing more and it was enough. Returns what was
/// delivered.
async fn read(
    channel: Channel,
    enough: usize,
    mut stub: Option<&mut TransactionServiceClient<Channel>>,
) -> Result<Vec<ConsumedRecord>, Box<dyn Error>> {
    let (said, requests) = mpsc::unbounded_channel();
    let say = |kind| said.send(ConsumeRequest { kind: Some(kind) });
    let (group_id, topics) = (input()?, vec![input()?]);
    say(consume_request::Kind::Subscribe(Subscribe { group_id, topics, ..Subscribe::default() }))?;
    say(consume_request::Kind::Credit(Credit { deliveries: 10 }))?;
    let requests = UnboundedReceiverStream::new(requests);
    let mut told = ConsumeServiceClient::new(channel).consume(requests).await?.into_inner();
    let mut said = Some(said);
    let mut delivered = Vec::new();
    while let Some(next) = told.message().await? {
        match next.kind {
            Some(consume_response::Kind::Delivery(delivery)) => {
                if let Some(stub) = stub.as_deref_mut() {
                    settle(stub, &delivery).await?;
                }
                delivered.extend(delivery.records);
            }
            Some(consume_response::Kind::Idle(_)) if delivered.len() >= enough => drop(said.take()),
            _ => {}
        }
    }
    Ok(delivered)
}

/// Copies a delivery in the transaction that settles it.
async fn settle(
    stub: &mut TransactionServiceClient<Channel>,
    delivery: &Delivery,
) -> Result<(), Box<dyn Error>> {
    let begin = BeginRequest { request_id: delivery.delivery_id.clone(), ..BeginRequest::default() };
    let transaction_id = stub.begin(begin).await?.into_inner().transaction_id;
    let send = SendOffsetsRequest {
        transaction_id: transaction_id.clone(),
        delivery_ids: vec![delivery.delivery_id.clone()],
        ..SendOffsetsRequest::default()
    };
    let offsets_count = stub.send_offsets(send).await?.into_inner().offsets_count;
    let topic = env::var("SIDECOMMIT_TOPIC")?;
    let copy = |record: &ConsumedRecord| Record {
        topic: topic.clone(),
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
        ..Record::default()
    };
    let records = delivery.records.iter().map(copy).collect();
    let produce = ProduceRequest { transaction_id: transaction_id.clone(), sequence: 0, records };
    let count = stub.produce(produce).await?.into_inner().next_sequence;
    let commit = CommitRequest {
        transaction_id,
        record_count: Some(count),
        offsets_count: Some(offsets_count),
        ..CommitRequest::default()
    };
    stub.commit(commit).await?;
    Ok(())
}

async fn copy(target: String) -> Result<Value, Box<dyn Error>> {
    let channel = Endpoint::from_shared(target)?.timeout(CALL_MAX).connect().await?;
    let mut stub = TransactionServiceClient::new(channel.clone());
    let records = records(input()?, "rust/copy");
    let enough = records.len();
    let fill = TransactRequest { idempotency_key: unique(), records, ..TransactRequest::default() };
    stub.transact(fill).await?;
    let first = read(channel.clone(), enough, Some(&mut stub)).await?;
    let second = read(channel, 0, None).await?;
    let offsets = |read: &[ConsumedRecord]| read.iter().map(|record| record.offset).collect::<Vec<_>>();
    Ok(json!({
        "language": "rust",
        "transport": "copy",
        "offsets": offsets(&first),
        "attempts": first.iter().map(|record| record.attempt).collect::<Vec<_>>(),
        "keys": first.iter().map(|record| &record.idempotency_key).collect::<Vec<_>>(),
        "again": offsets(&second),
    }))
}

/// The topic that it reads, and the group that it reads as.
fn input() -> Result<String, env::VarError> {
    Ok(env::var("SIDECOMMIT_TOPIC")? + "-rust")
}

fn unique() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn records(topic: String, tag: &str) -> Vec<Record> {
    let record = Record { topic, ..Record::default() };
    let header = |name: &str, value: Option<Bytes>| Header { name: name.to_owned(), value };
    let headers = vec![
        header("tag", Some(tag.to_owned().into())),
        header("empty", Some(Bytes::new())),
        header("null", None),
    ];
    let (tombstone, full) = (format!("{tag}/tombstone"), format!("{tag}/headers"));
    vec![
        Record { key: Some(tombstone.into()), ..record.clone() },
        Record {
            key: Some(full.into()),
            value: Some(Bytes::from_static(b"value")),
            headers,
            ..record.clone()
        },
        Record { key: Some(Bytes::new()), value: Some(format!("{tag}/empty-key").into()), ..record },
    ]
}

fn refusal(status: &Status) -> Result<Value, Box<dyn Error>> {
    let details = google_rpc::Status::decode(status.details())?.details;
    let (mut info, mut detail) = (ErrorInfo::default(), ErrorDetail::default());
    for packed in details {
        match packed.type_url.rsplit('/').next() {
            Some("google.rpc.ErrorInfo") => info = ErrorInfo::decode(packed.value.as_slice())?,
            Some("sidecommit.v1.ErrorDetail") => detail = ErrorDetail::decode(packed.value.as_slice())?,
            _ => {}
        }
    }
    Ok(json!({
        "code": format!("{:?}", status.code()),
        "domain": info.domain,
        "reason": info.reason,
        "next_action": detail.next_action().as_str_name(),
        "next_sequence": detail.next_sequence,
    }))
}

fn range(range: &PartitionRange) -> Value {
    json!({
        "partition": range.partition,
        "first_offset": range.first_offset,
        "last_offset": range.last_offset,
        "count": range.count,
    })
}
