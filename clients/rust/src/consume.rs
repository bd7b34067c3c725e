//! Reading topics through the sidecar.

mod ledger;
mod session;

use self::session::Session;
use crate::{Sidecommit, delivery::Delivery, error::Error, subscription::Subscription};
use futures_util::Stream;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
};

/// What the application says of deliveries.
#[derive(Debug)]
pub(crate) enum Said {
    /// It is done with one; whether that is to be given back.
    Done { delivery_id: String, release: bool },
    /// It gives a record up.
    Reject { delivery_id: String, index: i32, reason: String },
    /// It wants no more.
    Stop,
}

/// Deliveries, as they come: a stream that ends after [`stop`](Self::stop), or with an error that no repeat helps against. Streams
/// that break are resumed.
///
/// There are as many outstanding as the subscription's [`concurrency`](Subscription::concurrency); drop each when it is done
/// with. [`Sidecommit::process`] does the rest for most applications.
#[derive(Debug)]
pub struct Deliveries {
    deliveries: UnboundedReceiver<Result<Delivery, Error>>,
    say: UnboundedSender<Said>,
    /// Ends with it.
    _session: JoinSet<()>,
}

// === impl Sidecommit ===

impl Sidecommit {
    /// Reads topics as a member of a group.
    ///
    /// ```no_run
    /// # async fn example(client: sidecommit_client::Sidecommit) -> Result<(), sidecommit_client::Error> {
    /// use sidecommit_client::Subscription;
    /// let mut deliveries = client.consume(Subscription::new("billing", ["orders"]));
    /// while let Some(delivery) = deliveries.next().await {
    ///     let delivery = delivery?;
    ///     let txn = client.begin().await?;
    ///     txn.settle(&delivery).await?;
    ///     txn.commit().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn consume(&self, subscription: Subscription) -> Deliveries {
        let (say, said) = mpsc::unbounded_channel();
        let (out, deliveries) = mpsc::unbounded_channel();
        let session = Session::new(self.consumer.clone(), subscription, (say.clone(), said), out);
        let mut task = JoinSet::new();
        task.spawn(session.run());
        Deliveries { deliveries, say, _session: task }
    }
}

// === impl Deliveries ===

impl Deliveries {
    /// The next one. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`Error::BadRequest`], [`Error::NeedsHuman`]: what is wrong with the subscription. Then it is over.
    pub async fn next(&mut self) -> Option<Result<Delivery, Error>> {
        self.deliveries.recv().await
    }

    /// Takes no more. What comes is given back; when the last delivery is dropped it is over, and [`next`](Self::next) returns
    /// `None`.
    pub fn stop(&self) {
        // If it is over already there is nothing to stop.
        let _ = self.say.send(Said::Stop);
    }
}

impl Stream for Deliveries {
    type Item = Result<Delivery, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.deliveries.poll_recv(context)
    }
}
