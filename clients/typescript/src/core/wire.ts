import type { HeadersInit, ProducerRecord } from "../records.js";
import type { Bytes } from "../values.js";

// Records are the hot path: they are written as Protobuf straight into the message that goes out, without an object or a
// buffer of their own in between. The tests compare the result with the generated code's.

const TAG = { topic: 0x0a, partition: 0x10, key: 0x1a, value: 0x22, header: 0x2a, timestampMs: 0x30 };
const HEADER_TAG = { name: 0x0a, value: 0x12 };
/** Of `records` in ProduceStreamRequest and in TransactRequest. */
const RECORDS_TAG = 0x1a;
const TOPICS_MAX = 1000;
/** An int32: of a larger one the sidecar would read the lower bits, another partition. */
const PARTITION_MAX = 2 ** 31 - 1;
const NO_HEADERS: readonly (readonly [string, Bytes | null])[] = [];

/** A record that was measured and can be written. */
export interface Measured {
  readonly record: ProducerRecord;
  readonly topic: Buffer;
  readonly headers: readonly (readonly [string, Bytes | null])[];
  /** The length of the record's message. */
  readonly body: number;
  /** How many bytes it takes, with its tag and length. */
  readonly size: number;
}

/** Writes records as elements of the field `records`. */
export class RecordWriter {
  /** Topics as they are written, for they are few. */
  readonly #topics = new Map<string, Buffer>();

  /**
   * How much room a record takes.
   *
   * @throws TypeError, RangeError of a record that cannot be written.
   */
  measure(record: ProducerRecord): Measured {
    const { partition, timestampMs, key, value } = record;
    const topic = this.#topic(record.topic);
    let body = topic.length + bytesSize(key, "key") + bytesSize(value, "value");
    if (partition !== undefined) {
      body += 1 + varintSize(whole(partition, "partition", PARTITION_MAX));
    }
    if (timestampMs !== undefined) {
      body += 1 + varintSize(whole(timestampMs, "timestampMs", Number.MAX_SAFE_INTEGER));
    }
    const headers = record.headers === undefined ? NO_HEADERS : pairs(record.headers);
    for (const header of headers) {
      body += fieldSize(headerSize(header));
    }
    return { record, topic, headers, body, size: fieldSize(body) };
  }

  /** Writes a record at a place that has room for it; returns the place behind it. */
  write({ record, topic, headers, body }: Measured, target: Buffer, start: number): number {
    let at = start;
    target[at++] = RECORDS_TAG;
    at = writeVarint(target, at, body);
    target.set(topic, at);
    at += topic.length;
    if (record.partition !== undefined) {
      target[at++] = TAG.partition;
      at = writeVarint(target, at, record.partition);
    }
    at = writeBytes(target, at, TAG.key, record.key);
    at = writeBytes(target, at, TAG.value, record.value);
    for (const header of headers) {
      target[at++] = TAG.header;
      at = writeVarint(target, at, headerSize(header));
      at = writeBytes(target, at, HEADER_TAG.name, header[0]);
      at = writeBytes(target, at, HEADER_TAG.value, header[1]);
    }
    if (record.timestampMs !== undefined) {
      target[at++] = TAG.timestampMs;
      at = writeVarint(target, at, record.timestampMs);
    }
    return at;
  }

  #topic(name: string): Buffer {
    const known = this.#topics.get(name);
    if (known !== undefined) {
      return known;
    }
    if (typeof name !== "string") {
      throw new TypeError("a record's topic is a string");
    }
    if (this.#topics.size >= TOPICS_MAX) {
      this.#topics.clear();
    }
    const field = Buffer.alloc(bytesSize(name, "topic"));
    writeBytes(field, 0, TAG.topic, name);
    this.#topics.set(name, field);
    return field;
  }
}

/** Headers as pairs. */
export function pairs(headers: HeadersInit): readonly (readonly [string, Bytes | null])[] {
  if (Array.isArray(headers)) {
    return headers as readonly (readonly [string, Bytes | null])[];
  }
  return Symbol.iterator in headers ? [...(headers as Iterable<[string, Bytes | null]>)] : Object.entries(headers);
}

function headerSize([name, value]: readonly [string, Bytes | null]): number {
  return bytesSize(name, "header's name") + bytesSize(value, "header's value");
}

/** What a field with bytes takes; 0 where it is absent. */
function bytesSize(bytes: Bytes | null | undefined, what: string): number {
  if (bytes === undefined || bytes === null) {
    return 0;
  }
  if (typeof bytes === "string") {
    return fieldSize(Buffer.byteLength(bytes, "utf8"));
  }
  if (bytes instanceof Uint8Array) {
    return fieldSize(bytes.length);
  }
  throw new TypeError(`a record's ${what} is a Uint8Array or a string`);
}

function writeBytes(target: Buffer, start: number, tag: number, bytes: Bytes | null | undefined): number {
  if (bytes === undefined || bytes === null) {
    return start;
  }
  let at = start;
  target[at++] = tag;
  if (typeof bytes === "string") {
    at = writeVarint(target, at, Buffer.byteLength(bytes, "utf8"));
    return at + target.write(bytes, at, "utf8");
  }
  at = writeVarint(target, at, bytes.length);
  target.set(bytes, at);
  return at + bytes.length;
}

function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function whole(value: number, what: string, max: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new RangeError(`a record's ${what} is a whole number from 0 to ${String(max)}, not ${String(value)}`);
  }
  return value;
}

/** How many bytes a whole number from 0 on takes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    size += 1;
  }
  return size;
}

/** Writes a whole number from 0 on, also one above 32 bits; returns the place behind it. */
export function writeVarint(target: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}
