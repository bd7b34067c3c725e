//! The Consume stream: opened, resumed, and told what the application does with its deliveries.

use super::{Said, ledger::Ledger};
use crate::{
    backoff::Backoff,
    delivery::Delivery,
    error::Error,
    refusal::Refusal,
    subscription::Subscription,
    v1::{
        ConsumeRequest, ConsumeResponse, Credit, NextAction, Reject, Release, Subscribe, consume_request,
        consume_response, consume_service_client::ConsumeServiceClient,
    },
};
use futures_util::stream;
use std::time::Duration;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};
use tonic::{Status, Streaming, transport::Channel};

/// How long the sidecar may take to end a stream.
const CLOSE: Duration = Duration::from_secs(1);

/// A member of the group. It ends when nobody wants its deliveries any more.
#[derive(Debug)]
pub(super) struct Session {
    consumer: ConsumeServiceClient<Channel>,
    subscription: Subscription,
    /// Of the stream before; empty: begun anew.
    id: String,
    ledger: Ledger,
    /// What the application says.
    said: UnboundedReceiver<Said>,
    /// For deliveries to say it with.
    say: UnboundedSender<Said>,
    deliveries: UnboundedSender<Result<Delivery, Error>>,
}

/// One stream of it.
#[derive(Debug)]
struct Stream {
    requests: UnboundedSender<ConsumeRequest>,
    responses: Streaming<ConsumeResponse>,
}

/// Why it is over.
#[derive(Debug)]
struct Over;

// === impl Session ===

impl Session {
    pub(super) fn new(
        consumer: ConsumeServiceClient<Channel>,
        subscription: Subscription,
        (say, said): (UnboundedSender<Said>, UnboundedReceiver<Said>),
        deliveries: UnboundedSender<Result<Delivery, Error>>,
    ) -> Self {
        let ledger = Ledger::new(subscription.deliveries());
        let consumer = subscription.fit(consumer);
        Self { consumer, subscription, id: String::new(), ledger, said, say, deliveries }
    }

    /// Reads until it is stopped and the application is done, or something is wrong for good.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let refusal = match self.stream(&mut backoff).await {
                Ok(Over) => return,
                Err(status) => Refusal::of(&status, false),
            };
            match refusal.next_action {
                NextAction::BeginAgain => self.id.clear(),
                _ if refusal.repeats() => {}
                _ => {
                    // Nobody who waits for it is nobody who has to know.
                    let _ = self.deliveries.send(Err(refusal.into()));
                    return;
                }
            }
            if self.rest(&mut backoff, &refusal).await.is_some() {
                return;
            }
        }
    }

    /// Between two streams.
    async fn rest(&mut self, backoff: &mut Backoff, refusal: &Refusal) -> Option<Over> {
        let pause = backoff.rest(refusal.retry_delay);
        tokio::pin!(pause);
        loop {
            if self.is_over() {
                return Some(Over);
            }
            tokio::select! {
                () = &mut pause => return None,
                Some(said) = self.said.recv() => self.hear(said, None),
                () = self.deliveries.closed() => return Some(Over),
            }
        }
    }

    /// Reads one stream. An error is its end.
    async fn stream(&mut self, backoff: &mut Backoff) -> Result<Over, Status> {
        let opening = open(self.consumer.clone(), self.subscription.request(&self.id));
        tokio::pin!(opening);
        let mut stream = loop {
            if self.is_over() {
                return Ok(Over);
            }
            tokio::select! {
                stream = &mut opening => break stream?,
                Some(said) = self.said.recv() => self.hear(said, None),
                () = self.deliveries.closed() => return Ok(Over),
            }
        };
        loop {
            if self.is_over() {
                stream.close().await;
                return Ok(Over);
            }
            tokio::select! {
                // What was said first, so that credit is given by what is true.
                biased;
                Some(said) = self.said.recv() => self.hear(said, Some(&stream)),
                () = self.deliveries.closed() => {
                    stream.close().await;
                    return Ok(Over);
                }
                response = stream.responses.message() => {
                    let response = response?.ok_or_else(|| Status::unavailable("the stream ended"))?;
                    *backoff = Backoff::default();
                    self.take(response, &mut stream);
                }
            }
        }
    }

    fn take(&mut self, response: ConsumeResponse, stream: &mut Stream) {
        match response.kind {
            Some(consume_response::Kind::SessionStarted(started)) => {
                self.id = started.session_id;
                stream.credit(self.ledger.opened());
            }
            Some(consume_response::Kind::Delivery(delivery)) if self.ledger.is_stopped() => {
                stream.release(delivery.delivery_id);
            }
            Some(consume_response::Kind::Delivery(delivery))
                if self.ledger.delivered(&delivery.delivery_id) =>
            {
                // If nobody takes it, dropping it gives it back.
                drop(self.deliveries.send(Ok(Delivery::new(delivery, self.say.clone()))));
            }
            // What was revoked the transaction that settles it is told; there is nothing to do about the others.
            _ => {}
        }
    }

    /// Without a stream there is nobody to tell: what is outstanding comes again.
    fn hear(&mut self, said: Said, stream: Option<&Stream>) {
        match said {
            Said::Stop => self.ledger.stop(),
            Said::Reject { delivery_id, index, reason } => {
                if let Some(stream) = stream {
                    say(
                        &stream.requests,
                        consume_request::Kind::Reject(Reject { delivery_id, index, reason }),
                    );
                }
            }
            Said::Done { delivery_id, release } => {
                let credit = self.ledger.done(&delivery_id);
                let Some(stream) = stream else { return };
                if release {
                    stream.release(delivery_id);
                }
                stream.credit(credit);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ledger.is_stopped() && self.ledger.is_idle()
    }
}

// === impl Stream ===

impl Stream {
    /// Lets what was said last arrive: the sidecar ends the stream after it.
    async fn close(self) {
        let Self { requests, mut responses } = self;
        drop(requests);
        // What breaks now is over anyway.
        let _ = timeout(CLOSE, async { while let Ok(Some(_)) = responses.message().await {} }).await;
    }

    fn credit(&self, deliveries: usize) {
        if deliveries > 0 {
            let deliveries = i32::try_from(deliveries).unwrap_or(i32::MAX);
            say(&self.requests, consume_request::Kind::Credit(Credit { deliveries }));
        }
    }

    fn release(&self, delivery_id: String) {
        say(&self.requests, consume_request::Kind::Release(Release { delivery_id }));
    }
}

async fn open(mut consumer: ConsumeServiceClient<Channel>, subscribe: Subscribe) -> Result<Stream, Status> {
    let (requests, outgoing) = mpsc::unbounded_channel();
    say(&requests, consume_request::Kind::Subscribe(subscribe));
    let outgoing = stream::unfold(outgoing, async |mut outgoing| Some((outgoing.recv().await?, outgoing)));
    let responses = consumer.consume(outgoing).await?.into_inner();
    Ok(Stream { requests, responses })
}

fn say(requests: &UnboundedSender<ConsumeRequest>, kind: consume_request::Kind) {
    // A stream that has ended tells why with its next message.
    let _ = requests.send(ConsumeRequest { kind: Some(kind) });
}
