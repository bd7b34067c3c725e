//! The trace context of a call is in the headers of its records.

use crate::server::{Server, begin, record};
use sidecommit_rpc::proto::v1;
use tonic::Request;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn traced<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", PARENT.parse().unwrap());
    request.metadata_mut().insert("tracestate", "vendor=1".parse().unwrap());
    request
}

fn with_own_trace(value: &str) -> v1::Record {
    let header = v1::Header { name: "traceparent".into(), value: Some("own".into()) };
    v1::Record { headers: vec![header], ..record(value) }
}

/// Of each record: its headers as the engine got them.
fn headers(server: &Server, id: &str) -> Vec<Vec<String>> {
    let text = |value: &Option<bytes::Bytes>| String::from_utf8_lossy(value.as_ref().unwrap()).into_owned();
    server.fake.with(id, |txn| {
        let of = |record: &sidecommit_core::Record| {
            record.headers.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
        };
        txn.records.iter().map(of).collect()
    })
}

#[tokio::test]
async fn records_of_every_way_to_produce_have_their_calls_trace() {
    let server = Server::start().await;
    let followed = [format!("traceparent={PARENT}"), "tracestate=vendor=1".to_owned()];
    for (i, mut client) in server.both().await.into_iter().enumerate() {
        let id = begin(&mut client, &format!("request-{i}")).await;
        let records = vec![record("a"), with_own_trace("b")];
        let produce =
            v1::ProduceRequest { transaction_id: id.clone(), sequence: 0, records: records.clone() };
        client.produce(traced(produce)).await.unwrap();

        let message =
            v1::ProduceStreamRequest { transaction_id: id.clone(), sequence: 2, records: records.clone() };
        let mut acks =
            client.produce_stream(traced(tokio_stream::iter([message]))).await.unwrap().into_inner();
        while acks.message().await.unwrap().is_some() {}
        let own = ["traceparent=own".to_owned()];
        let told = headers(&server, &id);
        assert_eq!(told, [&followed[..], &own, &followed, &own]);
        let abort = v1::AbortRequest { transaction_id: id, ..Default::default() };
        client.abort(abort).await.unwrap();

        let transact = v1::TransactRequest { idempotency_key: "key".into(), records, ..Default::default() };
        let id = client.transact(traced(transact)).await.unwrap().into_inner().transaction_id;
        assert_eq!(headers(&server, &id), [&followed[..], &own]);
    }
}

#[tokio::test]
async fn a_repeat_from_another_span_is_the_same_work() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let transact = v1::TransactRequest {
        idempotency_key: "key".into(),
        records: vec![record("a")],
        ..Default::default()
    };
    let mut fingerprints = Vec::new();
    for request in [traced(transact.clone()), Request::new(transact)] {
        client.transact(request).await.unwrap();
        let sidecommit_core::Request::Transact(seen) = server.fake.last() else { panic!("Transact") };
        fingerprints.push(seen.fingerprint);
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
}
