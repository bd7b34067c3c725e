package dev.sidecommit.bench;

import java.util.List;

/** Who is measured. */
interface Contender extends AutoCloseable {
    /** One transaction, committed when it returns. Several threads call it at a time. */
    void transaction(String topic, List<byte[]> values) throws Exception;

    @Override
    void close();
}
