package dev.sidecommit.client;

import java.util.Collection;

/** What is done with each record. */
@FunctionalInterface
public interface Handler {
    /**
     * Called by several threads for records of different partitions; those of one partition come in
     * order. What it returns becomes visible together with the fact that the record was read, once,
     * or not at all.
     *
     * @param record the record
     * @return what to write; empty or null: nothing
     * @throws Exception the record has failed, and is tried again as the subscription says; {@link
     *     RejectException}: it cannot succeed
     */
    Collection<ProducerRecord> handle(ConsumerRecord record) throws Exception;
}
