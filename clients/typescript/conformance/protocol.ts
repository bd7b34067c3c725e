import type { ConsumedRecord, PartitionRange, ProducerRecord } from "sidecommit";

// The line protocol of tests/conformance/README.md.

/** Bytes in base64, or none. */
export type Base64 = string | null | undefined;

export interface WireRecord {
  topic: string;
  partition?: number;
  key?: Base64;
  value?: Base64;
  headers?: [string, Base64][];
  timestamp_ms?: number;
}

export interface TransactionCommand {
  records?: WireRecord[];
  generate?: { topic: string; count: number; size: number };
  offsets?: { group_id: string; offsets: { topic: string; partition: number; offset: number }[] };
  end?: "commit" | "throw";
  attempts?: number;
  pause?: boolean;
  hold_ms?: number;
  timeout_ms?: number;
  request_id?: string;
  deadline_ms?: number;
}

export interface TransactCommand {
  key: string;
  records?: WireRecord[];
  first_attempt_ms?: number;
  attempts?: number;
  deadline_ms?: number;
}

export type OutcomeCommand = { wait?: boolean; deadline_ms?: number } & (
  { transaction_id: string } | { request_id: string } | { key: string }
);

export interface ProcessCommand {
  group_id: string;
  topics: string[];
  output: string;
  max_attempts?: number;
  backoff_ms?: number;
  dead_letter_topic?: string;
  poison?: Base64;
  batch?: boolean;
  max_records?: number;
}

export type Command = { id: number } & (
  | { op: "connect"; deadline_ms?: number }
  | ({ op: "transaction" } & TransactionCommand)
  | ({ op: "transact" } & TransactCommand)
  | ({ op: "outcome" } & OutcomeCommand)
  | ({ op: "process" } & ProcessCommand)
  | { op: "context"; traceparent: string }
  | { op: "continue" }
  | { op: "stop" }
);

/** A record as the client takes it. */
export function record({ topic, partition, key, value, headers = [], timestamp_ms }: WireRecord): ProducerRecord {
  return {
    topic,
    partition,
    key: bytes(key),
    value: bytes(value),
    headers: headers.map(([name, content]) => [name, bytes(content)] as const),
    timestampMs: timestamp_ms,
  };
}

/** Ranges as they are answered. */
export function ranges(of: readonly PartitionRange[]): object[] {
  return of.map(({ topic, partition, firstOffset, lastOffset, count }) => ({
    topic,
    partition,
    first_offset: firstOffset,
    last_offset: lastOffset,
    count,
  }));
}

/** The records that `generate` asks for. */
export function* generated({ topic, count, size }: { topic: string; count: number; size: number }): Generator<ProducerRecord> {
  for (let i = 0; i < count; i++) {
    yield { topic, key: String(i), value: String(i).padEnd(size, ".") };
  }
}

/** Whether a record is one that the handler cannot process. */
export function isPoison(record: ConsumedRecord, poison: Base64): boolean {
  const bad = bytes(poison);
  return bad !== null && record.value?.equals(bad) === true;
}

function bytes(base64: Base64): Buffer | null {
  return base64 === null || base64 === undefined ? null : Buffer.from(base64, "base64");
}
