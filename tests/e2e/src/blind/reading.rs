//! The same application when it reads: it copies what it is delivered, each delivery in a transaction of its own.

use super::{Advice, At, Attempt, Blind, End, PATIENCE, PAUSE, Turn, Way, Work};
use crate::{Copy, Reader, Refused};
use sidecommit_rpc::proto::v1;
use std::time::SystemTime;
use tokio::time::{Instant, sleep};

/// What to read, and how far it has come.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What is read where, and written to which topic.
    pub copy: Copy,
    /// By which calls.
    pub way: Way,
    /// What the last SessionStarted said.
    pub session: String,
    /// How many records it is to be told COMMITTED of.
    pub left: usize,
}

/// A delivery on its way, that a test may reach into.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Counts deliveries from 0.
    pub number: usize,
    /// Where it is; with Transact no further than [`At::Delivered`].
    pub at: At,
    /// What was delivered.
    pub delivery: &'a v1::Delivery,
    /// Its transaction's id; empty as long as there is none.
    pub txn: &'a str,
    /// Where it came from.
    pub reader: &'a mut Reader,
    /// What the next Subscribe will say.
    pub subscribe: &'a mut v1::Subscribe,
}

/// How a stream ended.
enum Ended {
    /// Nothing is left to do.
    Done,
    /// It was refused.
    Stream(Box<Refused>),
    /// Another call was refused, and a person has to act.
    Call(Box<Refused>),
}

// === impl Reading ===

impl Reading {
    /// To be told COMMITTED of so many records.
    pub fn new(copy: Copy, records: usize) -> Self {
        Self { copy, way: Way::Calls, session: String::new(), left: records }
    }

    /// By other calls.
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    fn work(&self, delivery: &v1::Delivery) -> Work {
        Work {
            records: delivery.records.iter().map(|record| self.copy.transformed(record)).collect(),
            deliveries: vec![delivery.delivery_id.clone()],
            ..Work::transfer("", &delivery.delivery_id).by(self.way)
        }
    }
}

// === impl Blind ===

impl Blind {
    /// Reads until all is copied or a person has to act.
    pub async fn read(&mut self, reading: &mut Reading) -> End {
        self.read_while(reading, async |_| {}).await
    }

    /// Reads while a test interferes.
    pub async fn read_while(
        &mut self,
        reading: &mut Reading,
        mut meanwhile: impl AsyncFnMut(Moment<'_>),
    ) -> End {
        let end = Instant::now() + PATIENCE;
        let mut number = 0;
        loop {
            let (session_id, subscribe) = (reading.session.clone(), reading.copy.subscribe.clone());
            let subscribe = v1::Subscribe { session_id, ..subscribe };
            let ended = match Reader::start(&reading.copy.socket, subscribe).await {
                Ok(reader) => self.copy_all(reader, reading, &mut number, &mut meanwhile).await,
                Err(refused) => Ended::Stream(refused.into()),
            };
            let refused = match ended {
                Ended::Done => return End::Committed,
                Ended::Call(refused) => return End::Person(refused),
                Ended::Stream(refused) => refused,
            };
            self.met.push(&refused);
            assert!(Instant::now() < end, "stuck for {PATIENCE:?} at {refused:?}");
            match Advice::of(&refused, false) {
                Advice::BeginAgain => reading.session.clear(),
                Advice::FixRequest | Advice::Stop => return End::Person(refused),
                Advice::WaitReady => self.wait_ready(end).await,
                Advice::RetrySame | Advice::AskOutcome => sleep(refused.delay.unwrap_or(PAUSE)).await,
            }
        }
    }

    /// Until the stream ends.
    async fn copy_all(
        &mut self,
        mut reader: Reader,
        reading: &mut Reading,
        number: &mut usize,
        meanwhile: &mut impl AsyncFnMut(Moment<'_>),
    ) -> Ended {
        reading.session.clone_from(&reader.session);
        while reading.left > 0 {
            reader.credit(1);
            let delivery = match reader.delivery().await {
                Ok(delivery) => delivery,
                Err(refused) => return Ended::Stream(refused.into()),
            };
            let copied = self.copy(&mut reader, reading, &delivery, *number, meanwhile).await;
            *number += 1;
            match copied {
                Ok(_) => reading.left = reading.left.saturating_sub(delivery.records.len()),
                Err(Turn::Person(refused)) => return Ended::Call(refused),
                // What its transaction did not hold yet does not come again by itself.
                Err(Turn::BeginAgain | Turn::SendFrom(_)) => reader.release(&delivery.delivery_id),
            }
        }
        Ended::Done
    }

    /// One delivery, once.
    async fn copy(
        &mut self,
        reader: &mut Reader,
        reading: &mut Reading,
        delivery: &v1::Delivery,
        number: usize,
        meanwhile: &mut impl AsyncFnMut(Moment<'_>),
    ) -> Result<End, Turn> {
        let mut work = reading.work(delivery);
        let subscribe = &mut reading.copy.subscribe;
        let mut reached = async |at: At, txn: &str| {
            let (reader, subscribe) = (&mut *reader, &mut *subscribe);
            meanwhile(Moment { number, at, delivery, txn, reader, subscribe }).await;
        };
        reached(At::Delivered, "").await;
        if work.way == Way::Transact {
            return self.transact(&work, None, SystemTime::now(), false).await;
        }
        let mut reached = async |attempt: Attempt<'_>| reached(attempt.at, attempt.txn.as_str()).await;
        self.attempt(&mut work, 0, &mut reached).await
    }
}
