package dev.sidecommit.client;

/**
 * A partition.
 *
 * @param topic the topic
 * @param partition from 0 on
 */
public record TopicPartition(String topic, int partition) {}
