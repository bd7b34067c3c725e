package dev.sidecommit.conformance;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.sidecommit.client.AbortedException;
import dev.sidecommit.client.BadRequestException;
import dev.sidecommit.client.DeadlineExceededException;
import dev.sidecommit.client.NeedsHumanException;
import dev.sidecommit.client.Outcome;
import dev.sidecommit.client.SidecommitException;

/** What the client says, as the line protocol wants it. */
final class Answers {
    private Answers() {}

    /** What the application threw, by command. */
    static final class ApplicationException extends Exception {
        private static final long serialVersionUID = 1;

        ApplicationException() {
            super("the application's");
        }
    }

    static ObjectNode error(Throwable thrown) {
        if (thrown instanceof Transactions.Attempted attempted) {
            return error(attempted.getCause()).put("attempts", attempted.attempts);
        }
        ObjectNode error =
                Driver.object()
                        .put("kind", kind(thrown))
                        .put("message", String.valueOf(thrown.getMessage()));
        if (thrown instanceof SidecommitException refused) {
            error.put("reason", name(refused.reason(), "REASON_"));
            error.put("next_action", name(refused.nextAction(), "NEXT_ACTION_"));
            refused.recordIndex().ifPresent(index -> error.put("record_index", index));
            refused.transactionId().ifPresent(id -> error.put("transaction_id", id));
        }
        if (thrown instanceof DeadlineExceededException late) {
            error.put("in_doubt", late.inDoubt());
        }
        return error;
    }

    static ObjectNode committed(Outcome outcome) {
        ObjectNode ok = Driver.object().put("transaction_id", outcome.transactionId());
        ok.set("ranges", ranges(outcome));
        return ok;
    }

    static ObjectNode outcome(Outcome outcome) {
        ObjectNode ok =
                Driver.object()
                        .put("transaction_id", outcome.transactionId())
                        .put("state", name(outcome.state(), "TRANSACTION_STATE_"))
                        .put("record_count", outcome.recordCount());
        if (outcome.reason().getNumber() != 0) {
            ok.put("reason", name(outcome.reason(), "REASON_"));
        }
        ok.set("ranges", ranges(outcome));
        return ok;
    }

    private static ArrayNode ranges(Outcome outcome) {
        ArrayNode ranges = Driver.object().arrayNode();
        for (var range : outcome.ranges()) {
            ranges.addObject()
                    .put("topic", range.topic())
                    .put("partition", range.partition())
                    .put("first_offset", range.firstOffset())
                    .put("last_offset", range.lastOffset())
                    .put("count", range.count());
        }
        return ranges;
    }

    private static String kind(Throwable thrown) {
        if (thrown instanceof AbortedException) {
            return "aborted";
        } else if (thrown instanceof BadRequestException) {
            return "bad_request";
        } else if (thrown instanceof NeedsHumanException) {
            return "needs_human";
        } else if (thrown instanceof DeadlineExceededException) {
            return "deadline_exceeded";
        }
        return thrown instanceof ApplicationException ? "application" : "other";
    }

    private static String name(Enum<?> value, String prefix) {
        return value.name().startsWith(prefix)
                ? value.name().substring(prefix.length())
                : value.name();
    }
}
