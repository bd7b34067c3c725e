//! The Consume stream.

use sidecommit_rpc::proto::v1::{
    ConsumeRequest, ConsumeResponse, Credit, SessionStarted, Subscribe, consume_request, consume_response,
    consume_service_client::ConsumeServiceClient,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

/// One stream: a member of the group.
#[derive(Debug)]
pub(crate) struct Stream {
    requests: mpsc::UnboundedSender<ConsumeRequest>,
    responses: Streaming<ConsumeResponse>,
}

// === impl Stream ===

impl Stream {
    /// Subscribes; returns when the session stands.
    pub(crate) async fn open(
        channel: Channel,
        subscribe: Subscribe,
    ) -> Result<(Self, SessionStarted), Status> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let kind = Some(consume_request::Kind::Subscribe(subscribe));
        // The receiver is in this function still.
        let _ = requests.send(ConsumeRequest { kind });
        let mut client = ConsumeServiceClient::new(channel);
        let responses = client.consume(UnboundedReceiverStream::new(outgoing)).await?.into_inner();
        let mut stream = Self { requests, responses };
        match stream.next().await? {
            consume_response::Kind::SessionStarted(started) => Ok((stream, started)),
            other => Err(Status::internal(format!("expected SessionStarted, got {other:?}"))),
        }
    }

    /// What comes next. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<consume_response::Kind, Status> {
        let ended = || Status::unavailable("the stream ended");
        self.responses.message().await?.and_then(|message| message.kind).ok_or_else(ended)
    }

    /// Takes so many more deliveries.
    pub(crate) fn credit(&self, deliveries: i32) {
        let kind = Some(consume_request::Kind::Credit(Credit { deliveries }));
        // A stream that has ended tells why with its next message.
        let _ = self.requests.send(ConsumeRequest { kind });
    }
}
