//! ProduceStream: acks, half-close, gaps, refusals, reconnects.

use crate::{
    details::Details,
    server::{Client, Server, begin, record},
};
use sidecommit_rpc::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

/// An open stream.
struct Stream {
    send: mpsc::UnboundedSender<v1::ProduceStreamRequest>,
    acks: Streaming<v1::ProduceStreamResponse>,
}

impl Stream {
    async fn open(client: &mut Client) -> Self {
        let (send, messages) = mpsc::unbounded_channel();
        let acks = client.produce_stream(UnboundedReceiverStream::new(messages)).await.unwrap().into_inner();
        Self { send, acks }
    }

    fn send(&self, id: &str, sequence: i64, records: Vec<v1::Record>) {
        let message = v1::ProduceStreamRequest { transaction_id: id.into(), sequence, records };
        self.send.send(message).unwrap();
    }

    /// Half-closes; all acks until the end.
    async fn finish(self) -> Result<Vec<i64>, Status> {
        let Self { send, mut acks } = self;
        drop(send);
        let mut seen = Vec::new();
        while let Some(ack) = acks.message().await? {
            seen.push(ack.next_sequence);
        }
        Ok(seen)
    }

    async fn ack(&mut self) -> i64 {
        self.acks.message().await.unwrap().expect("an ack").next_sequence
    }
}

#[tokio::test]
async fn each_message_is_acknowledged_in_time_and_the_half_close_once_more() {
    let server = Server::start().await;
    for (i, mut client) in server.both().await.into_iter().enumerate() {
        let id = begin(&mut client, &i.to_string()).await;
        let mut stream = Stream::open(&mut client).await;
        stream.send(&id, 0, vec![record("a"), record("b")]);
        assert_eq!(stream.ack().await, 2);
        stream.send("", 2, vec![record("c")]);
        assert_eq!(stream.ack().await, 3);
        stream.send(&id, 3, vec![record("d")]);
        assert_eq!(stream.finish().await.unwrap().last(), Some(&4));
        server.fake.with(&id, |txn| assert_eq!(txn.records.len(), 4));
    }
}

#[tokio::test]
async fn acks_of_many_messages_are_few() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let stream = Stream::open(&mut client).await;
    for sequence in 0..1000 {
        stream.send(&id, sequence, vec![record("a")]);
    }
    let acks = stream.finish().await.unwrap();
    assert_eq!(acks.last(), Some(&1000));
    assert!(acks.len() <= 500, "{} acks", acks.len());
    assert!(acks.is_sorted());
}

#[tokio::test]
async fn a_stream_without_a_message_ends_well() {
    let server = Server::start().await;
    let stream = Stream::open(&mut server.uds().await).await;
    assert_eq!(stream.finish().await.unwrap(), [0; 0]);
}

#[tokio::test]
async fn a_gap_ends_the_stream_with_where_to_go_on_and_a_new_stream_does() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let stream = Stream::open(&mut client).await;
    stream.send(&id, 0, vec![record("a"), record("b")]);
    stream.send(&id, 3, vec![record("d")]);
    stream.send(&id, 2, vec![record("never read")]);
    let details = Details::of(&stream.finish().await.unwrap_err());
    assert_eq!(details.detail.reason(), v1::Reason::SequenceGap);
    assert_eq!(details.detail.next_sequence, Some(2));

    let again = Stream::open(&mut client).await;
    again.send(&id, 1, vec![record("b"), record("c"), record("d")]);
    assert_eq!(again.finish().await.unwrap().last(), Some(&4));
    server.fake.with(&id, |txn| {
        let values: Vec<_> = txn.records.iter().map(|r| r.value.clone().unwrap()).collect();
        assert_eq!(values, ["a", "b", "c", "d"]);
    });
}

#[tokio::test]
async fn a_refused_record_ends_the_stream_with_its_index_and_those_before_stay() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let stream = Stream::open(&mut client).await;
    stream.send(&id, 0, vec![record("a"), record("b")]);
    stream.send(&id, 2, vec![record("c"), v1::Record { partition: Some(9), ..record("d") }]);
    let details = Details::of(&stream.finish().await.unwrap_err());
    assert_eq!(details.detail.reason(), v1::Reason::PartitionOutOfRange);
    assert_eq!((details.detail.record_index, details.detail.next_sequence), (Some(3), Some(2)));
    server.fake.with(&id, |txn| assert_eq!(txn.records.len(), 2));
}

#[tokio::test]
async fn a_stream_has_one_transaction() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let (one, other) = (begin(&mut client, "1").await, begin(&mut client, "2").await);
    let stream = Stream::open(&mut client).await;
    stream.send(&one, 0, vec![record("a")]);
    stream.send(&other, 0, vec![record("a")]);
    let details = Details::of(&stream.finish().await.unwrap_err());
    assert_eq!((details.detail.reason(), details.field()), (v1::Reason::InvalidField, "transaction_id"));
    let unnamed = Stream::open(&mut client).await;
    unnamed.send("", 0, vec![record("a")]);
    let details = Details::of(&unnamed.finish().await.unwrap_err());
    assert_eq!(details.field(), "transaction_id");
    server.fake.with(&other, |txn| assert!(txn.records.is_empty()));
}

#[tokio::test]
async fn no_message_is_taken_in_before_the_one_before_it_is_answered() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    server.fake.gate.send_replace(false);
    let before = server.fake.calls();
    let mut stream = Stream::open(&mut client).await;
    for sequence in 0..10 {
        stream.send(&id, sequence, vec![record("a")]);
    }
    // Another call gets through on the same connection, so the messages before it have arrived.
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
    while server.fake.calls() == before {
        tokio::task::yield_now().await;
    }
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
    assert_eq!(server.fake.calls(), before + 1, "one Produce waits for the engine, nine in the stream");
    server.fake.gate.send_replace(true);
    while stream.ack().await < 10 {}
}

#[tokio::test]
async fn an_application_that_reads_no_acks_cannot_stop_its_own_upload() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let stream = Stream::open(&mut client).await;
    let count = 200_000;
    for sequence in 0..count {
        stream.send(if sequence == 0 { &id } else { "" }, sequence, vec![record("")]);
    }
    let arrived = || server.fake.with(&id, |txn| txn.records.len() as i64);
    while arrived() < count {
        tokio::task::yield_now().await;
    }
    assert_eq!(stream.finish().await.unwrap().last(), Some(&count));
}

#[tokio::test]
async fn a_broken_stream_leaves_the_transaction_as_it_is() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let mut stream = Stream::open(&mut client).await;
    stream.send(&id, 0, vec![record("a")]);
    assert_eq!(stream.ack().await, 1);
    drop(stream);
    let again = Stream::open(&mut client).await;
    again.send(&id, 1, vec![record("b")]);
    assert_eq!(again.finish().await.unwrap(), [2]);
}
