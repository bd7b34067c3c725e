package dev.sidecommit.client;

import java.util.Collection;
import java.util.List;

/** What is done with all records of a delivery at once: consecutive ones of one partition. */
@FunctionalInterface
public interface BatchHandler {
    /**
     * As {@link Handler#handle}, for many.
     *
     * @param records at least one
     * @return what to write; empty or null: nothing
     * @throws Exception the records have failed; a {@link RecordFailedException} says which
     */
    Collection<ProducerRecord> handle(List<ConsumerRecord> records) throws Exception;
}
