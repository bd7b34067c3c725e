package dev.sidecommit.client;

import dev.sidecommit.v1.Delivery;
import dev.sidecommit.v1.DeliveryFailure;
import dev.sidecommit.v1.Record;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.UnaryOperator;

/** How a handler is called for a delivery. */
@FunctionalInterface
interface Handling {
    /**
     * What came of it.
     *
     * @throws Blamed if the handler threw
     */
    Results of(Delivery delivery, Tracing tracing) throws Blamed;

    /**
     * What is to be written.
     *
     * @param records in order
     * @param offsets of the input record that each was made of; -1: it is not known
     */
    record Results(List<Record> records, List<Long> offsets) {
        Results() {
            this(new ArrayList<>(), new ArrayList<>());
        }

        void add(Collection<ProducerRecord> made, long offset, UnaryOperator<Record> traced) {
            if (made == null) {
                return;
            }
            for (ProducerRecord record : made) {
                records.add(traced.apply(record.proto()));
                offsets.add(offset);
            }
        }

        long bytes() {
            return records.stream().mapToLong(Record::getSerializedSize).sum();
        }
    }

    /** A handler threw. */
    final class Blamed extends Exception {
        private static final long serialVersionUID = 1;

        final transient DeliveryFailure failure;

        Blamed(DeliveryFailure failure, Throwable cause) {
            super(failure.getMessage(), cause, false, false);
            this.failure = failure;
        }
    }

    /** For each record; the first that fails ends it. */
    @SuppressWarnings("try")
    static Handling each(Handler handler) {
        return (delivery, tracing) -> {
            var results = new Results();
            var partition = new TopicPartition(delivery.getTopic(), delivery.getPartition());
            for (var proto : delivery.getRecordsList()) {
                try (var scope = tracing.enter(proto.getHeadersList())) {
                    results.add(
                            handler.handle(new ConsumerRecord(partition, proto)),
                            proto.getOffset(),
                            made -> tracing.follow(made, proto.getHeadersList()));
                } catch (Throwable error) {
                    throw blame(delivery, error, proto.getOffset());
                }
            }
            return results;
        };
    }

    /** For all records of a delivery at once. */
    static Handling batch(BatchHandler handler) {
        return (delivery, tracing) -> {
            var results = new Results();
            var partition = new TopicPartition(delivery.getTopic(), delivery.getPartition());
            long only = delivery.getRecordsCount() == 1 ? delivery.getRecords(0).getOffset() : -1;
            try {
                var records =
                        delivery.getRecordsList().stream()
                                .map(proto -> new ConsumerRecord(partition, proto))
                                .toList();
                // They have many traces.
                results.add(handler.handle(records), only, UnaryOperator.identity());
            } catch (Throwable error) {
                throw blame(delivery, error, only);
            }
            return results;
        };
    }

    private static Blamed blame(Delivery delivery, Throwable error, long offset) {
        if (error instanceof VirtualMachineError broken && !(error instanceof StackOverflowError)) {
            // Not the record's doing.
            throw broken;
        }
        long named =
                error instanceof RecordFailedException failed
                        ? failed.offset().orElse(offset)
                        : offset;
        boolean retryable = !(error instanceof RejectException);
        String message = error.getMessage() == null ? "" : error.getMessage();
        var failure = failure(delivery, named, retryable, error.getClass().getName(), message);
        return new Blamed(failure, error);
    }

    static DeliveryFailure failure(
            Delivery delivery, long offset, boolean retryable, String errorClass, String message) {
        var failure =
                DeliveryFailure.newBuilder()
                        .setDeliveryId(delivery.getDeliveryId())
                        .setRetryable(retryable)
                        .setErrorClass(errorClass)
                        .setMessage(message);
        if (offset >= 0) {
            failure.setOffset(offset);
        }
        return failure.build();
    }
}
