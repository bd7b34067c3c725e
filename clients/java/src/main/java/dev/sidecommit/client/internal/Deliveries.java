package dev.sidecommit.client.internal;

import dev.sidecommit.v1.Delivery;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which deliveries there are, who works on them, and how many more are welcome. A delivery may be
 * told twice, when a stream is resumed; it is worked on once.
 */
public final class Deliveries {
    /**
     * Of so many deliveries that are done the ids are kept: they may be told once more by a stream
     * that was resumed just then.
     */
    private static final int DONE_MAX = 1_000;

    private final int concurrency;
    private final Deque<Work> queued = new ArrayDeque<>();
    private final Map<String, Work> working = new HashMap<>();

    /** By id, whether it was settled. */
    private final Map<String, Boolean> done =
            new LinkedHashMap<>() {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
                    return size() > DONE_MAX;
                }
            };

    /** Credit that was said and is not used. */
    private int granted;

    /** Credit that is not said for now. */
    private int withheld;

    private String last;

    /** A delivery that is worked on, or will be. */
    public static final class Work {
        private final Delivery delivery;
        private volatile boolean gone;

        private Work(Delivery delivery) {
            this.delivery = delivery;
        }

        /** What was delivered. */
        public Delivery delivery() {
            return delivery;
        }

        /** Whether it was taken back meanwhile: nobody can settle it any more. */
        public boolean isGone() {
            return gone;
        }
    }

    /** What is to be done with a delivery that is told. */
    public enum Told {
        /** To be worked on. */
        NEW,
        /** Nothing: it is worked on, or was settled. */
        KNOWN,
        /** It was worked on in vain, and the sidecar has not heard that it was given back. */
        UNWANTED
    }

    /** With so many at a time. */
    public Deliveries(int concurrency) {
        this.concurrency = concurrency;
    }

    /**
     * A stream is open. Credit begins with none; what is outstanding still is, unless the session
     * is another one.
     */
    public void sessionStarted(boolean resumed) {
        granted = 0;
        if (!resumed) {
            queued.clear();
            working.values().forEach(work -> work.gone = true);
        }
    }

    /** Takes a delivery in. */
    public Told told(Delivery delivery) {
        String id = delivery.getDeliveryId();
        if (done.containsKey(id)) {
            return done.get(id) ? Told.KNOWN : Told.UNWANTED;
        }
        if (working.containsKey(id)
                || queued.stream().anyMatch(work -> work.delivery.getDeliveryId().equals(id))) {
            return Told.KNOWN;
        }
        granted = Math.max(0, granted - 1);
        last = id;
        queued.add(new Work(delivery));
        return Told.NEW;
    }

    /** Deliveries are void. */
    public void revoked(Collection<String> ids) {
        queued.removeIf(work -> ids.contains(work.delivery.getDeliveryId()));
        for (String id : ids) {
            Work work = working.get(id);
            if (work != null) {
                work.gone = true;
            }
        }
    }

    /** The next one to work on; null: none, or enough are worked on. */
    public Work next() {
        if (queued.isEmpty() || working.size() >= concurrency) {
            return null;
        }
        Work work = queued.remove();
        working.put(work.delivery.getDeliveryId(), work);
        return work;
    }

    /** Nobody works on it any more. */
    public void done(Work work, boolean settled) {
        String id = work.delivery.getDeliveryId();
        working.remove(id);
        done.put(id, settled);
    }

    /** How much credit is to be said now: it counts as said. */
    public int credit() {
        int due = Math.max(0, concurrency - granted - withheld - queued.size() - working.size());
        granted += due;
        return due;
    }

    /** One credit less until it is said otherwise. */
    public void withhold() {
        withheld++;
    }

    /** No longer. */
    public void release() {
        withheld--;
    }

    /** Forgets those that nobody works on yet. */
    public void dropQueued() {
        queued.clear();
    }

    /** Whether it is worked on. */
    public boolean isWorkedOn(String deliveryId) {
        return working.containsKey(deliveryId);
    }

    /** Whether nobody works on anything. */
    public boolean isIdle() {
        return working.isEmpty();
    }

    /** The last delivery of all. */
    public Optional<String> last() {
        return Optional.ofNullable(last);
    }
}
