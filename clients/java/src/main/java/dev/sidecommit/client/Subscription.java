package dev.sidecommit.client;

import dev.sidecommit.v1.GroupProtocol;
import dev.sidecommit.v1.ResetPolicy;
import dev.sidecommit.v1.RetryTopic;
import dev.sidecommit.v1.Subscribe;

import java.time.Duration;
import java.util.List;

/** What to read, and how. */
public final class Subscription {
    private final Subscribe subscribe;
    private final int concurrency;
    private final boolean handlesSignals;

    private Subscription(Builder builder) {
        subscribe = builder.subscribe.build();
        concurrency = builder.concurrency;
        handlesSignals = builder.handlesSignals;
    }

    /**
     * For a subscription of a group.
     *
     * @param groupId group.id, 1 to 255 characters
     * @return a builder
     */
    public static Builder builder(String groupId) {
        return new Builder(groupId);
    }

    Subscribe subscribe() {
        return subscribe;
    }

    int concurrency() {
        return concurrency;
    }

    boolean handlesSignals() {
        return handlesSignals;
    }

    boolean hasDeadLetters() {
        return !subscribe.getRetryPolicy().getDeadLetterTopic().isEmpty();
    }

    /**
     * Builds a subscription. What is not set has the sidecar's default; docs/consuming.md has the
     * bounds.
     */
    public static final class Builder {
        private final Subscribe.Builder subscribe;
        private int concurrency = 4;
        private boolean handlesSignals = true;

        private Builder(String groupId) {
            subscribe = Subscribe.newBuilder().setGroupId(groupId);
        }

        /**
         * What to read.
         *
         * @param topics existing ones
         * @return this
         */
        public Builder topics(String... topics) {
            subscribe.addAllTopics(List.of(topics));
            return this;
        }

        /**
         * What to read, instead of topics.
         *
         * @param pattern a regular expression that topics match as a whole
         * @return this
         */
        public Builder topicPattern(String pattern) {
            subscribe.setTopicPattern(pattern);
            return this;
        }

        /**
         * A static member, which keeps its partitions while it restarts.
         *
         * @param groupInstanceId group.instance.id, e.g. the pod's name
         * @return this
         */
        public Builder groupInstanceId(String groupInstanceId) {
            subscribe.setGroupInstanceId(groupInstanceId);
            return this;
        }

        /**
         * Records of a delivery at most.
         *
         * @param maxRecords 500 unless set
         * @return this
         */
        public Builder maxRecords(int maxRecords) {
            subscribe.getLimitsBuilder().setMaxRecords(maxRecords);
            return this;
        }

        /**
         * Bytes of a delivery at most.
         *
         * @param bytes 1 MiB unless set
         * @return this
         */
        public Builder maxDeliveryBytes(long bytes) {
            subscribe.getLimitsBuilder().setMaxDeliveryBytes(bytes);
            return this;
        }

        /**
         * Bytes of a message from the sidecar at most: what a single record may have.
         *
         * @param bytes 4 MiB unless set
         * @return this
         */
        public Builder maxMessageBytes(long bytes) {
            subscribe.getLimitsBuilder().setMaxMessageBytes(bytes);
            return this;
        }

        /**
         * Where to begin in a partition for which the group has no offset.
         *
         * @param policy the earliest record unless set
         * @return this
         */
        public Builder resetPolicy(ResetPolicy policy) {
            subscribe.setResetPolicy(policy);
            return this;
        }

        /**
         * How partitions are shared out; the same for all members of the group.
         *
         * @param protocol classic and cooperative unless set
         * @return this
         */
        public Builder groupProtocol(GroupProtocol protocol) {
            subscribe.setGroupProtocol(protocol);
            return this;
        }

        /**
         * How often a record may fail alone before it is moved to a retry topic or to the
         * dead-letter topic.
         *
         * @param maxAttempts 3 unless set
         * @return this
         */
        public Builder maxAttempts(int maxAttempts) {
            subscribe.getRetryPolicyBuilder().setMaxAttempts(maxAttempts);
            return this;
        }

        /**
         * The pause before the second attempt; it doubles from attempt to attempt.
         *
         * @param backoff 100 ms unless set
         * @return this
         */
        public Builder backoff(Duration backoff) {
            subscribe.getRetryPolicyBuilder().setBackoff(Times.proto(backoff));
            return this;
        }

        /**
         * The longest pause between attempts.
         *
         * @param backoffMax 10 s unless set
         * @return this
         */
        public Builder backoffMax(Duration backoffMax) {
            subscribe.getRetryPolicyBuilder().setBackoffMax(Times.proto(backoffMax));
            return this;
        }

        /**
         * Adds a topic whose records are attempted later. It is this group's alone.
         *
         * @param topic an existing one
         * @param delay how long after it was moved to it a record is attempted
         * @return this
         */
        public Builder retryTopic(String topic, Duration delay) {
            var retry = RetryTopic.newBuilder().setTopic(topic).setDelay(Times.proto(delay));
            subscribe.getRetryPolicyBuilder().addRetryTopics(retry);
            return this;
        }

        /**
         * Where records end that failed everywhere, or cannot succeed. Without it they are
         * attempted again for ever.
         *
         * @param topic an existing one
         * @return this
         */
        public Builder deadLetterTopic(String topic) {
            subscribe.getRetryPolicyBuilder().setDeadLetterTopic(topic);
            return this;
        }

        /**
         * How long a delivery may take.
         *
         * @param timeout the sidecar's {@code limits.delivery_timeout}, 5 min, unless set
         * @return this
         */
        public Builder deliveryTimeout(Duration timeout) {
            subscribe.setDeliveryTimeout(Times.proto(timeout));
            return this;
        }

        /**
         * How many deliveries, of different partitions, are worked on at a time.
         *
         * @param concurrency 4 unless set
         * @return this
         */
        public Builder concurrency(int concurrency) {
            if (concurrency < 1) {
                throw new IllegalArgumentException(
                        "concurrency " + concurrency + ": expected 1 or more");
            }
            this.concurrency = concurrency;
            return this;
        }

        /**
         * Whether SIGTERM and SIGINT stop the processing instead of the Java machine. Set it to
         * false where a framework has the say, and call {@link Processor#stop()} from there.
         *
         * @param handlesSignals true unless set
         * @return this
         */
        public Builder handleSignals(boolean handlesSignals) {
            this.handlesSignals = handlesSignals;
            return this;
        }

        /**
         * The subscription.
         *
         * @return one that does not change any more
         */
        public Subscription build() {
            return new Subscription(this);
        }
    }
}
