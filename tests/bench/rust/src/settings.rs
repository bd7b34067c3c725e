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
    if options.records() == 1 {
        // One record has nothing to wait for.
        config.set("linger.ms", "0")
    } else {
        // Batches fill to 1 MB, the default; what does not fill waits 5 ms at most. Several transactions fit into the queue, so that it is
        // never full: 100,000 messages by default.
        config.set("linger.ms", "5").set("queue.buffering.max.messages", "1000000")
    };
    config
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
