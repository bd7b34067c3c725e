//! Produce, one call or one message of a stream.

use crate::{
    Answer, CallId, Produce, Reason, Record, Refusal, TxnId,
    engine::{Engine, lane::Lane, outcome::Cause},
    table::TxnState,
};

impl Engine {
    pub(super) fn on_produce(&mut self, call: CallId, mut produce: Produce) {
        let id = produce.txn;
        let answer = match self.whats_new(&mut produce) {
            Ok(0) => Ok(self.known(id)),
            Ok(bytes) if produce.patient => return self.take_or_wait(call, produce, bytes),
            Ok(bytes) => self.make_room(id, bytes).map(|()| self.take_in(produce, bytes)),
            Err(refusal) => Err(refusal),
        };
        match answer {
            Ok(next_sequence) => self.acknowledge(call, id, next_sequence),
            Err(refusal) => self.reply(call, Err(refusal)),
        }
    }

    /// A repeat, of which nothing is new: the index of the next record.
    fn known(&mut self, id: TxnId) -> u64 {
        self.not_idle(id);
        self.txns.get(&id).map_or(0, |txn| txn.next_sequence)
    }

    /// Leaves what is new of the records, and tells how many bytes that is.
    pub(in crate::engine) fn whats_new(&mut self, produce: &mut Produce) -> Result<u64, Refusal> {
        let Produce { txn: id, sequence, records, .. } = produce;
        let Some(txn) = self.txns.get(id).filter(|txn| txn.state == TxnState::Open) else {
            self.accepted_before(*id, *sequence + records.len() as u64)?;
            records.clear();
            return Ok(0);
        };
        let next = txn.next_sequence;
        if *sequence > next {
            let message = format!("sequence {sequence}: records {next} to {} are missing", *sequence - 1);
            return Err(Refusal::new(Reason::SequenceGap, message).field("sequence").next_sequence(next));
        }
        // An index is accepted once: the head of a repeat is dropped.
        records.drain(..records.len().min((next - *sequence) as usize));
        *sequence = next;
        let bytes = records.iter().map(Record::bytes).sum();
        self.check_size(*id, records.len() as u64, bytes)?;
        Ok(bytes)
    }

    /// Takes in new records, for which there is room; tells the index of the next.
    pub(in crate::engine) fn take_in(&mut self, produce: Produce, bytes: u64) -> u64 {
        let idle_deadline = self.now + self.limits.idle_timeout;
        let Produce { txn: id, mut records, .. } = produce;
        let Some(txn) = self.txns.get_mut(&id) else { return produce.sequence };
        txn.next_sequence += records.len() as u64;
        if txn.records.is_empty() {
            txn.records = records;
        } else {
            txn.records.append(&mut records);
        }
        txn.bytes += bytes;
        txn.held += bytes;
        txn.idle_deadline = idle_deadline;
        self.buffered += bytes;
        let (next, lane, open) = (txn.next_sequence, txn.lane, txn.state == TxnState::Open);
        let large = txn.bytes > self.limits.streaming_bytes;
        match lane {
            Some(index) => self.pump(index),
            None if large && open => self.want_lane(id),
            None => {}
        }
        next
    }

    /// A repeat for a transaction that is no longer open.
    fn accepted_before(&self, id: TxnId, end: u64) -> Result<(), Refusal> {
        match self.txns.get(&id) {
            Some(txn) if txn.state != TxnState::Aborting && end <= txn.next_sequence => Ok(()),
            _ => Err(self.not_open(id)),
        }
    }

    pub(super) fn check_size(&self, id: TxnId, records: u64, bytes: u64) -> Result<(), Refusal> {
        let held = self.txns.get(&id).map_or((0, 0), |txn| (txn.next_sequence, txn.bytes));
        let checks = [
            (
                "records",
                "limits.records_per_transaction",
                self.limits.records_per_transaction,
                held.0 + records,
            ),
            ("bytes", "limits.bytes_per_transaction", self.limits.bytes_per_transaction, held.1 + bytes),
        ];
        for (what, setting, limit, actual) in checks {
            if actual > limit {
                let message = format!(
                    "the transaction would have {actual} {what}, at most {limit} are allowed ({setting})"
                );
                return Err(Refusal::new(Reason::TransactionTooLarge, message)
                    .field("records")
                    .exceeded(setting, limit, actual));
            }
        }
        Ok(())
    }

    /// Keeps the buffer below its limit: the largest streams; without a lane the youngest has to go.
    pub(super) fn make_room(&mut self, id: TxnId, bytes: u64) -> Result<(), Refusal> {
        let limit = self.limits.buffer_bytes;
        if (self.buffered + bytes) * 5 > limit * 4 {
            let open = self.txns.values().filter(|txn| txn.state == TxnState::Open && txn.lane.is_none());
            if let Some(largest) = open.max_by_key(|txn| txn.held).map(|txn| txn.id) {
                self.try_stream(largest);
            }
        }
        if self.buffered + bytes <= limit {
            return Ok(());
        }
        if self.lanes.iter().any(Lane::frees_memory) {
            return Err(self.buffer_full(bytes));
        }
        let open = self.txns.values().filter(|txn| txn.state == TxnState::Open && txn.held > 0);
        if let Some(youngest) = open.max_by_key(|txn| txn.id).map(|txn| txn.id) {
            let message =
                format!("{youngest} was the youngest when limits.buffer_bytes ({limit}) was reached");
            self.abort_unprepared(youngest, &Cause::new(Reason::BufferPressure, message));
        }
        if self.txns.contains_key(&id) { Err(self.buffer_full(bytes)) } else { Err(self.not_open(id)) }
    }

    /// Answers at once, or, when the transaction's lane is full, once there is room: that is the flow control.
    pub(in crate::engine) fn acknowledge(&mut self, call: CallId, id: TxnId, next_sequence: u64) {
        match self.txns.get_mut(&id) {
            Some(txn) if txn.lane.is_some() && txn.state == TxnState::Open && !txn.records.is_empty() => {
                txn.parked.push((call, next_sequence));
            }
            _ => self.reply(call, Ok(Answer::Produced { next_sequence })),
        }
    }
}
