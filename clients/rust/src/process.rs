//! Reads, lets a handler work, and commits what it returns together with the offsets.

mod failure;
mod output;
mod schedule;
mod signals;
mod work;

pub use self::{
    failure::{AtOffset, Reject},
    output::Output,
};

use self::{
    schedule::Schedule,
    work::{Made, batch, each, settle},
};
use crate::{
    BoxError, Sidecommit,
    delivery::{ConsumedRecord, Delivery},
    error::Error,
    subscription::Subscription,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::sync::Arc;
use tokio::sync::watch;

/// A pipeline that is to be run.
#[derive(Debug)]
#[must_use = "nothing happens until it is run"]
pub struct Processor {
    client: Sidecommit,
    subscription: Subscription,
    signals: bool,
    stop: Stopper,
}

/// Stops a [`Processor`].
#[derive(Clone, Debug)]
pub struct Stopper(Arc<watch::Sender<bool>>);

// === impl Sidecommit ===

impl Sidecommit {
    /// Calls `handler` for each record, and commits the records that it returns together with the offsets, exactly once, until
    /// SIGTERM or SIGINT; returns how many records were settled then.
    ///
    /// A record whose handler fails comes again, or goes where the subscription says. With the error [`Reject`] it is not
    /// attempted again. Partitions are worked on side by side, each in order; all of it within the task that awaits this.
    ///
    /// ```no_run
    /// # async fn example(client: sidecommit_client::Sidecommit) -> Result<(), sidecommit_client::Error> {
    /// use sidecommit_client::{Record, Subscription};
    /// let subscription = Subscription::new("billing", ["orders"]).dead_letter_topic("orders.dead");
    /// client
    ///     .process(subscription, async |order| {
    ///         let amount: u64 = order.text()?.parse()?;
    ///         Ok(Record::new("invoices").value(format!("please pay {amount}")))
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadRequest`], [`Error::NeedsHuman`]: the subscription is refused; or a record that the handler returned, and there
    /// is no dead-letter topic.
    pub async fn process<F, O>(
        &self,
        subscription: Subscription,
        handler: impl Fn(ConsumedRecord) -> F,
    ) -> Result<u64, Error>
    where
        F: Future<Output = Result<O, BoxError>>,
        O: Output,
    {
        self.processor(subscription).run(handler).await
    }

    /// [`process`](Self::process) with options.
    pub fn processor(&self, subscription: Subscription) -> Processor {
        let stop = Stopper(Arc::new(watch::Sender::new(false)));
        Processor { client: self.clone(), subscription, signals: true, stop }
    }
}

// === impl Processor ===

impl Processor {
    /// Whether SIGTERM and SIGINT stop it, which they do by default.
    pub fn signals(mut self, stop: bool) -> Self {
        self.signals = stop;
        self
    }

    /// What stops it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stop.clone()
    }

    /// Calls `handler` for each record, as [`Sidecommit::process`].
    ///
    /// # Errors
    /// As [`Sidecommit::process`].
    pub async fn run<F, O>(self, handler: impl Fn(ConsumedRecord) -> F) -> Result<u64, Error>
    where
        F: Future<Output = Result<O, BoxError>>,
        O: Output,
    {
        self.drive(|delivery| each(&handler, delivery)).await
    }

    /// Calls `handler` for the records of each delivery, at least one: consecutive ones of one partition. If its error has an [`AtOffset`], that record
    /// failed; else the delivery as a whole, and its records come again in halves until one that fails is alone.
    ///
    /// # Errors
    /// As [`Sidecommit::process`].
    pub async fn run_batches<F, O>(self, handler: impl Fn(Vec<ConsumedRecord>) -> F) -> Result<u64, Error>
    where
        F: Future<Output = Result<O, BoxError>>,
        O: Output,
    {
        self.drive(|delivery| batch(&handler, delivery)).await
    }

    async fn drive<M>(self, make: impl Fn(Arc<Delivery>) -> M) -> Result<u64, Error>
    where
        M: Future<Output = Made>,
    {
        let Self { client, subscription, signals, stop } = self;
        let dead_letters = subscription.has_dead_letters();
        let mut schedule = Schedule::new(subscription.deliveries());
        let mut deliveries = client.consume(subscription);
        let mut stopped = stop.0.subscribe();
        let mut asked = std::pin::pin!(async {
            tokio::select! {
                // The sender is in this function still.
                _ = stopped.wait_for(|stop| *stop) => {}
                () = signals::stop(), if signals => {}
            }
        });
        let (mut working, mut stopping, mut over) = (FuturesUnordered::new(), false, false);
        let (mut settled, mut failure) = (0, None);
        while !over || !working.is_empty() {
            let failed = tokio::select! {
                () = &mut asked, if !stopping => Some(None),
                delivery = deliveries.next(), if !over => match delivery {
                    // To be given back.
                    Some(Ok(_)) if stopping => None,
                    Some(Ok(delivery)) => {
                        schedule.add((delivery.topic().to_owned(), delivery.partition()), delivery);
                        None
                    }
                    Some(Err(error)) => Some(Some(error)),
                    None => {
                        over = true;
                        None
                    }
                },
                Some((place, done)) = working.next() => {
                    schedule.done(&place);
                    match done {
                        Ok(records) => {
                            settled += records as u64;
                            None
                        }
                        Err(error) => Some(Some(error)),
                    }
                }
            };
            if let Some(error) = failed {
                failure = failure.or(error);
                stopping = true;
                schedule.clear();
                deliveries.stop();
            }
            while let Some((place, delivery)) = schedule.next() {
                working.push(async {
                    let delivery = Arc::new(delivery);
                    let made = make(Arc::clone(&delivery)).await;
                    (place, settle(&client, &delivery, made, dead_letters).await)
                });
            }
        }
        failure.map_or(Ok(settled), Err)
    }
}

// === impl Stopper ===

impl Stopper {
    /// No new deliveries: those that are worked on are finished, the others given back.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}
