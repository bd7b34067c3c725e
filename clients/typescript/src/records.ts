import type { Bytes } from "./values.js";

/** Headers to be written: pairs in order, in which names may repeat, or an object. A `null` is Kafka's null. */
export type HeadersInit = Iterable<readonly [name: string, value: Bytes | null]> | Readonly<Record<string, Bytes | null>>;

/** A record to be written. */
export interface ProducerRecord {
  /** An existing topic. */
  readonly topic: string;
  /** Absent or `null`: none. Required on compacted topics. */
  readonly key?: Bytes | null | undefined;
  /** Absent or `null`: a tombstone. */
  readonly value?: Bytes | null | undefined;
  readonly headers?: HeadersInit | undefined;
  /** Absent: chosen by the key as Kafka's Java producer does; without a key any. */
  readonly partition?: number | undefined;
  /** Milliseconds since the Unix epoch. Absent: when the sidecar accepts it. */
  readonly timestampMs?: number | undefined;
}

/** Where a transaction's records of one partition are. Records of others may lie between. */
export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the transaction's first record here; -1 if the broker did not tell. */
  readonly firstOffset: number;
  /** Offset of the transaction's last record here; -1 if the broker did not tell. */
  readonly lastOffset: number;
  /** How many records of the transaction are in the partition. */
  readonly count: number;
}

/** Offsets that a transaction commits for a consumer group of the application's own consumer. */
export interface GroupOffsets {
  readonly groupId: string;
  readonly offsets: readonly GroupOffset[];
  /** The member's id and generation as its consumer knows them: they fence a member that lost its partitions. */
  readonly memberId?: string | undefined;
  readonly generationId?: number | undefined;
  /** `group.instance.id` of a static member. */
  readonly groupInstanceId?: string | undefined;
}

/** Where a group goes on reading a partition. */
export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the next record to read: that of the last processed one plus 1. */
  readonly offset: number;
  /** Kept with the offset; at most 4096 bytes. */
  readonly metadata?: string | undefined;
}
