//! Begin, Produce and Commit with what tonic generates, over the socket and over TCP.
#![forbid(unsafe_code)]

use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};
use sidecommit_rpc::proto::{
    google_rpc::{self, ErrorInfo},
    v1::{
        BeginRequest, CommitRequest, ErrorDetail, GetServerInfoRequest, Header, PartitionRange,
        ProduceRequest, Record, TransactionState, transaction_service_client::TransactionServiceClient,
    },
};
use std::{env, error::Error, time::Duration};
use tonic::{Status, transport::Endpoint};

const CALL_MAX: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let socket = format!("unix://{}", env::var("SIDECOMMIT_SOCKET")?);
    let tcp = format!("http://{}", env::var("SIDECOMMIT_TCP")?);
    for (transport, target) in [("unix", socket), ("tcp", tcp)] {
        println!("{}", transact(transport, target).await?);
    }
    Ok(())
}

async fn transact(transport: &str, target: String) -> Result<Value, Box<dyn Error>> {
    let channel = Endpoint::from_shared(target)?.timeout(CALL_MAX).connect().await?;
    let mut stub = TransactionServiceClient::new(channel);
    let info = stub.get_server_info(GetServerInfoRequest {}).await?.into_inner();
    let request_id = format!("{:032x}", fastrand::u128(..));
    let begin = BeginRequest { request_id, ..BeginRequest::default() };
    let transaction_id = stub.begin(begin).await?.into_inner().transaction_id;
    let records = records(&format!("rust/{transport}"))?;
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

fn records(tag: &str) -> Result<Vec<Record>, env::VarError> {
    let record = Record { topic: env::var("SIDECOMMIT_TOPIC")?, ..Record::default() };
    let header = |name: &str, value: Option<Bytes>| Header { name: name.to_owned(), value };
    let headers = vec![
        header("tag", Some(tag.to_owned().into())),
        header("empty", Some(Bytes::new())),
        header("null", None),
    ];
    let (tombstone, full) = (format!("{tag}/tombstone"), format!("{tag}/headers"));
    Ok(vec![
        Record { key: Some(tombstone.into()), ..record.clone() },
        Record {
            key: Some(full.into()),
            value: Some(Bytes::from_static(b"value")),
            headers,
            ..record.clone()
        },
        Record { key: Some(Bytes::new()), value: Some(format!("{tag}/empty-key").into()), ..record },
    ])
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
