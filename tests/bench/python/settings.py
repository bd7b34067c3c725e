"""How the clients are tuned: small transactions for latency, large ones for throughput."""


def producer(options, transactional_id):
    settings = {
        "bootstrap.servers": options.bootstrap_servers,
        "acks": "all",
        # Offsets that follow another transaction too soon are told CONCURRENT_TRANSACTIONS, and wait for so long: 100 ms by default.
        # (Records wait 20 ms in that case, which is not to be set.)
        "retry.backoff.ms": 10,
    }
    if options.kind == "transactional":
        settings["transactional.id"] = transactional_id
    else:
        # With no more in flight than an idempotent producer has.
        settings["enable.idempotence"] = options.kind == "idempotent"
        settings["max.in.flight.requests.per.connection"] = 5
    settings["linger.ms"] = linger_ms(options)
    # Several transactions fit into the queue, so that it is never full: 100,000 messages by default.
    settings["queue.buffering.max.messages"] = 1_000_000
    return settings


# librdkafka's default.
BATCH_BYTES = 1_000_000


def linger_ms(options):
    if options.records == 1:
        # It has nothing to wait for.
        return 0
    if options.records * options.record_size > BATCH_BYTES:
        # What is larger than a batch fills batches by itself; with a linger of 5 ms it took twice the CPU of this process.
        return 0
    # So that the first record does not leave alone.
    return 1


def consumer(options):
    """A pipeline's. Its offsets are committed by the producer."""
    return {
        "bootstrap.servers": options.bootstrap_servers,
        "group.id": options.group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # A full queue of what was fetched ahead holds back the next fetch for so long: 1 s by default.
        "fetch.queue.backoff.ms": 10,
    }
