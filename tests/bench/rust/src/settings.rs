use rdkafka::ClientConfig;

use crate::options::{Kind, Options};

/// A producer's configuration: small transactions are tuned for latency, large ones for throughput.
pub(crate) fn producer(options: &Options, transactional_id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap_servers)
        .set("acks", "all")
        // Offsets that follow another transaction too soon are told CONCURRENT_TRANSACTIONS, and wait for so long: 100 ms by default.
        // (Records wait 20 ms in that case, which is not to be set.)
        .set("retry.backoff.ms", "10");
    match options.kind {
        Kind::Transactional => config.set("transactional.id", transactional_id),
        Kind::Idempotent => config.set("enable.idempotence", "true"),
        // With no more in flight than an idempotent producer has.
        Kind::Plain => {
            config.set("enable.idempotence", "false").set("max.in.flight.requests.per.connection", "5")
        }
    };
    // Several transactions fit into the queue, so that it is never full: 100,000 messages by default.
    config.set("linger.ms", linger_ms(options)).set("queue.buffering.max.messages", "1000000");
    config
}

/// librdkafka's default.
const BATCH_BYTES: usize = 1_000_000;

fn linger_ms(options: &Options) -> &'static str {
    match options.records() {
        // It has nothing to wait for.
        1 => "0",
        // What is larger than a batch fills batches by itself; with a linger of 5 ms it took twice the CPU of this process.
        records if records * options.record_size() > BATCH_BYTES => "0",
        // So that the first record does not leave alone. Who waits for the reports waits for this too, so no more than it needs: 5 ms were
        // as good for the CPU, and worse for the latency.
        _ => "1",
    }
}

/// A pipeline's consumer. Its offsets are committed by the producer.
pub(crate) fn consumer(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap_servers)
        .set("group.id", &options.group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        // A full queue of what was fetched ahead holds back the next fetch for so long: 1 s by default.
        .set("fetch.queue.backoff.ms", "10");
    config
}
