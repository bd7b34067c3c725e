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
    if options.records == 1:
        # One record has nothing to wait for.
        settings["linger.ms"] = 0
    else:
        # Batches fill to 1 MB, the default; what does not fill waits 5 ms at most. Several transactions fit into the queue, so that it is
        # never full: 100,000 messages by default.
        settings["linger.ms"] = 5
        settings["queue.buffering.max.messages"] = 1_000_000
    return settings


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
