//! The input: records of 1 KB, each with the time at which it was made.

use super::PARTITIONS;
use crate::{demo::kafka::blocking, exit::Failure};
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// Of a value.
const BYTES: usize = 1024;
/// Of the time in it: microseconds, decimal.
const TIME_BYTES: usize = 16;

/// Writes input.
#[derive(Clone)]
pub(super) struct Input {
    producer: Arc<BaseProducer>,
    /// What follows the time in a value: small letters.
    letters: Arc<[u8]>,
    /// Times count from here.
    epoch: Instant,
}

// === impl Input ===

impl Input {
    pub(super) fn new(servers: &str) -> Result<Self, Failure> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("enable.idempotence", "true")
            // A record is there when it is made.
            .set("linger.ms", "0")
            .create()
            .map_err(|error| failed(&error))?;
        let letters = (TIME_BYTES..BYTES).map(|_| fastrand::lowercase() as u8).collect();
        Ok(Self { producer: Arc::new(producer), letters, epoch: Instant::now() })
    }

    /// So many records, as fast as it goes.
    pub(super) async fn write(&self, topic: &str, records: u64) -> Result<(), Failure> {
        let (input, topic) = (self.clone(), topic.to_owned());
        blocking(move || {
            (0..records).try_for_each(|nth| input.send(&topic, nth))?;
            input.flush()
        })
        .await
    }

    /// So many records at so many a second, whatever becomes of them.
    pub(super) async fn feed(&self, topic: &str, records: u64, rate: u32) -> Result<(), Failure> {
        let (input, topic) = (self.clone(), topic.to_owned());
        blocking(move || {
            let start = Instant::now();
            for nth in 0..records {
                let due = start + Duration::from_secs(1) * u32::try_from(nth).unwrap_or(u32::MAX) / rate;
                // Delivery reports are served meanwhile.
                while let Some(left) =
                    due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
                {
                    input.producer.poll(left);
                }
                input.send(&topic, nth)?;
            }
            input.flush()
        })
        .await
    }

    /// Now, as records have it.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn send(&self, topic: &str, nth: u64) -> Result<(), Failure> {
        let partition =
            i32::try_from(nth % u64::from(PARTITIONS.unsigned_abs())).map_err(Failure::internal)?;
        let value = [format!("{:0TIME_BYTES$}", self.now_us()).as_bytes(), &self.letters].concat();
        loop {
            match self.producer.send(BaseRecord::<(), _>::to(topic).partition(partition).payload(&value)) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.producer.poll(POLL);
                }
                Err((error, _)) => return Err(failed(&error)),
            }
        }
    }

    fn flush(&self) -> Result<(), Failure> {
        self.producer.flush(PATIENCE).map_err(|error| failed(&error))
    }
}

/// When the record was made of which this is the copy, in upper case. None: it is no copy.
pub(super) fn made_us(copy: &[u8]) -> Option<u64> {
    let (time, letters) = copy.split_at_checked(TIME_BYTES)?;
    if copy.len() != BYTES || letters.iter().any(|letter| !letter.is_ascii_uppercase()) {
        return None;
    }
    std::str::from_utf8(time).ok()?.parse().ok()
}

fn failed(error: &KafkaError) -> Failure {
    Failure::Unavailable(format!("writing the input: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_time_and_is_in_upper_case() {
        let value = [format!("{:0TIME_BYTES$}", 1234).as_bytes(), &[b'x'; BYTES - TIME_BYTES]].concat();
        assert_eq!(made_us(&value), None);
        assert_eq!(made_us(&value.to_ascii_uppercase()), Some(1234));
        assert_eq!(made_us(&value.to_ascii_uppercase()[..BYTES - 1]), None);
    }
}
