/**
 * Kafka's exactly-once transactions through the Sidecommit sidecar.
 *
 * <p>Begin with {@link dev.sidecommit.client.Sidecommit}. Enums and rare messages are those of the
 * generated code in {@code dev.sidecommit.v1}.
 */
package dev.sidecommit.client;
