import type { ConsumedRecord as WireRecord, Delivery as WireDelivery } from "./generated/sidecommit/v1/consume.js";
import type { Decoder } from "./values.js";

/** A record that was read. */
export class ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the Unix epoch, when it was made or appended; -1: none. */
  readonly timestampMs: number;
  /** `null`: none. */
  readonly key: Buffer | null;
  /** `null`: a tombstone. */
  readonly value: Buffer | null;
  /** In order; names may repeat. A `null` is Kafka's null. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
  /** 1, and one more for each attempt of it that failed. */
  readonly attempt: number;
  /** Names the record for ever, whoever reads it however often: a key for effects outside Kafka. */
  readonly idempotencyKey: string;

  /** @internal */
  constructor(topic: string, partition: number, record: WireRecord) {
    this.topic = topic;
    this.partition = partition;
    this.offset = record.offset;
    this.timestampMs = record.timestampMs;
    this.key = buffer(record.key);
    this.value = buffer(record.value);
    this.headers = record.headers.map(({ name, value }) => [name, buffer(value)] as const);
    this.attempt = record.attempt;
    this.idempotencyKey = record.idempotencyKey;
  }

  /** The last header of a name; undefined: there is none. */
  header(name: string): Buffer | null | undefined {
    return this.headers.findLast(([other]) => other === name)?.[1];
  }

  /** The value as UTF-8; `null` of a tombstone. */
  text(): string | null {
    return this.value?.toString("utf8") ?? null;
  }

  /**
   * The value from JSON; `null` of a tombstone.
   *
   * @throws SyntaxError if it is none.
   */
  json(): unknown {
    return this.value && (JSON.parse(this.value.toString("utf8")) as unknown);
  }

  /** The value by any function from bytes, as the `fromBinary` of a generated class; `null` of a tombstone. */
  decode<T>(decoder: Decoder<T>): T | null {
    return this.value && decoder(this.value);
  }
}

/** What is done with a delivery, by whoever gave it out. */
export interface DeliveryOwner {
  /** Gives it back. */
  release(deliveryId: string): void;
  /** Gives one of its records up. */
  reject(deliveryId: string, index: number, reason: string): void;
  /** It was dealt with: another one may come. */
  finish(deliveryId: string): void;
}

/**
 * Consecutive records of one partition. It is settled by the commit of the transaction that was given it
 * ({@link Transaction.settle}, `deliveries` of {@link Client.transact}), and by nothing else.
 */
export class Delivery {
  readonly deliveryId: string;
  /** The group that it was read for. */
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly ConsumedRecord[];
  /** Aborted when the delivery is void, for its partition went: no use to work on it any longer. */
  readonly signal: AbortSignal;
  readonly #owner: DeliveryOwner;
  #finished = false;

  /** @internal */
  constructor(groupId: string, wire: WireDelivery, owner: DeliveryOwner, signal: AbortSignal) {
    this.deliveryId = wire.deliveryId;
    this.groupId = groupId;
    this.topic = wire.topic;
    this.partition = wire.partition;
    this.records = wire.records.map((record) => new ConsumedRecord(wire.topic, wire.partition, record));
    this.signal = signal;
    this.#owner = owner;
  }

  /** Gives it back: its records come again, which is no failure. To be done with one whose transaction ended before it had it. */
  release(): void {
    this.#once(() => {
      this.#owner.release(this.deliveryId);
    });
  }

  /** Gives a record up for good: it goes to the dead-letter topic, the delivery's others come again. `index` is its place in `records`. */
  reject(index: number, reason = ""): void {
    this.#once(() => {
      this.#owner.reject(this.deliveryId, index, reason.slice(0, 1024));
    });
  }

  /** @internal It was settled, or its transaction is over: another one may come. */
  finish(): void {
    this.#once(() => undefined);
  }

  #once(act: () => void): void {
    if (!this.#finished) {
      this.#finished = true;
      act();
      this.#owner.finish(this.deliveryId);
    }
  }
}

/** The same bytes as a Buffer. */
function buffer(bytes: Uint8Array | undefined): Buffer | null {
  if (bytes === undefined) {
    return null;
  }
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
