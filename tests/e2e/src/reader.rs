//! An application that reads: the Consume stream of the generated client.

use crate::{Refused, app};
use sidecommit_rpc::proto::v1::{
    self, consume_request, consume_response, consume_service_client::ConsumeServiceClient,
};
use std::{path::Path, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Consume stream.
#[derive(Debug)]
pub struct Reader {
    requests: mpsc::UnboundedSender<v1::ConsumeRequest>,
    responses: Streaming<v1::ConsumeResponse>,
    /// Of SessionStarted.
    pub session: String,
    /// Whether an earlier session goes on.
    pub resumed: bool,
    /// What is assigned now.
    pub assigned: Vec<(String, i32)>,
    /// Deliveries that were told to be void.
    pub void: Vec<String>,
}

/// What comes on a stream, apart from what [`Reader`] keeps track of.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Records.
    Delivery(v1::Delivery),
    /// Partitions came or went: see [`Reader::assigned`].
    Rebalanced,
    /// Nothing to read.
    Idle,
    /// A release or reject was not taken.
    Refused(v1::Refused),
}

/// A subscription to topics with the sidecar's defaults.
pub fn subscribe(group: &str, topics: &[&str]) -> v1::Subscribe {
    v1::Subscribe {
        group_id: group.to_owned(),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        ..v1::Subscribe::default()
    }
}

// === impl Reader ===

impl Reader {
    /// Subscribes; returns when the session stands.
    pub async fn start(socket: &Path, subscribe: v1::Subscribe) -> Result<Self, Refused> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let mut stub = ConsumeServiceClient::new(app::channel(socket)).max_decoding_message_size(64 << 20);
        let kind = Some(consume_request::Kind::Subscribe(subscribe));
        // The receiver is in this function still.
        let _ = requests.send(v1::ConsumeRequest { kind });
        let responses = stub.consume(UnboundedReceiverStream::new(outgoing)).await?.into_inner();
        let mut reader = Self {
            requests,
            responses,
            session: String::new(),
            resumed: false,
            assigned: Vec::new(),
            void: Vec::new(),
        };
        match reader.message().await? {
            consume_response::Kind::SessionStarted(started) => {
                reader.session = started.session_id;
                reader.resumed = started.resumed;
                Ok(reader)
            }
            other => panic!("expected SessionStarted, got {other:?}"),
        }
    }

    /// What comes next.
    ///
    /// # Panics
    /// If nothing comes.
    pub async fn next(&mut self) -> Result<Told, Refused> {
        Ok(match self.message().await? {
            consume_response::Kind::Delivery(delivery) => Told::Delivery(delivery),
            consume_response::Kind::Idle(_) => Told::Idle,
            consume_response::Kind::Refused(refused) => Told::Refused(refused),
            consume_response::Kind::Assigned(assigned) => {
                self.assigned.extend(assigned.partitions.into_iter().map(plain));
                Told::Rebalanced
            }
            consume_response::Kind::Revoked(revoked) => {
                let gone: Vec<_> = revoked.partitions.into_iter().map(plain).collect();
                self.assigned.retain(|partition| !gone.contains(partition));
                self.void.extend(revoked.delivery_ids);
                Told::Rebalanced
            }
            consume_response::Kind::SessionStarted(_) => panic!("a session starts once"),
        })
    }

    /// The next delivery, whatever else comes before.
    pub async fn delivery(&mut self) -> Result<v1::Delivery, Refused> {
        loop {
            if let Told::Delivery(delivery) = self.next().await? {
                return Ok(delivery);
            }
        }
    }

    /// Takes so many more deliveries.
    pub fn credit(&self, deliveries: i32) {
        self.say(consume_request::Kind::Credit(v1::Credit { deliveries }));
    }

    /// Gives a delivery back.
    pub fn release(&self, delivery: &str) {
        self.say(consume_request::Kind::Release(v1::Release { delivery_id: delivery.to_owned() }));
    }

    /// Gives a record up.
    pub fn reject(&self, delivery: &str, index: i32, reason: &str) {
        let (delivery_id, reason) = (delivery.to_owned(), reason.to_owned());
        self.say(consume_request::Kind::Reject(v1::Reject { delivery_id, index, reason }));
    }

    /// Hangs up: what comes next is the end of the stream.
    pub fn hang_up(&mut self) {
        self.requests = mpsc::unbounded_channel().0;
    }

    fn say(&self, kind: consume_request::Kind) {
        // A stream that has ended tells why with its next message.
        let _ = self.requests.send(v1::ConsumeRequest { kind: Some(kind) });
    }

    async fn message(&mut self) -> Result<consume_response::Kind, Refused> {
        let message = timeout(PATIENCE, self.responses.message()).await;
        let message = message.unwrap_or_else(|_| panic!("nothing came within {PATIENCE:?}"))?;
        let ended = || Refused::from(tonic::Status::unavailable("the stream ended"));
        message.ok_or_else(ended).map(|message| message.kind.expect("a message has a kind"))
    }
}

fn plain(partition: v1::TopicPartition) -> (String, i32) {
    (partition.topic, partition.partition)
}
