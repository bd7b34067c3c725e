import type { ProducerRecord } from "../records.js";
import { Buffers } from "./buffers.js";
import { varintSize, writeVarint, type Measured, type RecordWriter } from "./wire.js";

const TRANSACTION_ID_TAG = 0x0a;
const SEQUENCE_TAG = 0x10;
const FIRST_BYTES = 4096;

/** How records are grouped and how many may be unacknowledged. */
export interface BatchLimits {
  readonly batchRecords: number;
  readonly batchBytes: number;
  readonly windowRecords: number;
  readonly windowBytes: number;
}

/** What the sidecar takes fast and what a client keeps for a repeat. */
export const BATCH_LIMITS: BatchLimits = {
  batchRecords: 500,
  batchBytes: 256 * 1024,
  windowRecords: 5000,
  windowBytes: 4 * 1024 * 1024,
};

/** What a client's batches are written into: it keeps as many as one transaction may have unacknowledged. */
export function batchBuffers({ batchBytes, windowBytes }: BatchLimits = BATCH_LIMITS): Buffers {
  return new Buffers(batchBytes, Math.ceil(windowBytes / batchBytes));
}

/** Some consecutive records of a transaction as one ProduceStreamRequest. */
export interface Batch {
  /** The index in the transaction behind its last record. */
  readonly end: number;
  /** The message as it goes out, any number of times. */
  readonly message: Buffer;
}

/** A batch that is not acknowledged. */
interface Waiting extends Batch {
  /** What the message is in. */
  readonly buffer: Buffer;
  /** Whether it was given to a stream that was left, which may read it still. */
  stray: boolean;
}

/**
 * A transaction's records from when they are given until they are acknowledged: numbers them, groups them, and knows which
 * have to be sent, and sent again.
 */
export class Batches {
  readonly #limits: BatchLimits;
  readonly #writer: RecordWriter;
  readonly #buffers: Buffers;
  readonly #head: Buffer;
  /** Whole batches that are not acknowledged, in order, and how many of them were sent. */
  readonly #waiting: Waiting[] = [];
  #sent = 0;
  #waitingBytes = 0;
  /** The batch that is being filled. */
  #open: Buffer = Buffer.alloc(0);
  #used = 0;
  #openRecords = 0;
  #count = 0;
  #acknowledged = 0;
  #first = true;

  constructor(transactionId: string, writer: RecordWriter, buffers: Buffers, limits: BatchLimits = BATCH_LIMITS) {
    const id = Buffer.from(transactionId, "utf8");
    this.#head = Buffer.alloc(1 + varintSize(id.length) + id.length);
    this.#head[0] = TRANSACTION_ID_TAG;
    this.#head.set(id, writeVarint(this.#head, 1, id.length));
    this.#writer = writer;
    this.#buffers = buffers;
    this.#limits = limits;
  }

  /** How many records were added. */
  get count(): number {
    return this.#count;
  }

  /** Every record before this index is acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Whether nothing more should be added for now. */
  get full(): boolean {
    return (
      this.#count - this.#acknowledged >= this.#limits.windowRecords || this.#waitingBytes + this.#used >= this.#limits.windowBytes
    );
  }

  /** Whether a batch was sent of which not all is acknowledged. */
  get inFlight(): boolean {
    return this.#sent > 0;
  }

  /** Whether a whole batch waits to be sent. */
  get ready(): boolean {
    return this.#sent < this.#waiting.length;
  }

  /**
   * Adds a record, of which a copy is made.
   *
   * @throws TypeError, RangeError of a record that cannot be written; nothing was added.
   */
  add(record: ProducerRecord): void {
    const measured = this.#writer.measure(record);
    if (this.#openRecords > 0 && this.#used + measured.size > this.#limits.batchBytes) {
      this.#seal();
    }
    this.#makeRoom(measured);
    this.#used = this.#writer.write(measured, this.#open, this.#used);
    this.#openRecords += 1;
    this.#count += 1;
    if (this.#openRecords >= this.#limits.batchRecords) {
      this.#seal();
    }
  }

  /** The next batch to send; with `partial` also one that is not whole. Undefined: none. */
  next(partial: boolean): Batch | undefined {
    if (!this.ready && partial && this.#openRecords > 0) {
      this.#seal();
    }
    const batch = this.#waiting[this.#sent];
    if (batch !== undefined) {
      this.#sent += 1;
    }
    return batch;
  }

  /** The sidecar has every record before this index. */
  acknowledge(nextSequence: number): void {
    if (nextSequence <= this.#acknowledged) {
      return;
    }
    this.#acknowledged = Math.min(nextSequence, this.#count);
    let done = 0;
    for (const { end, message, buffer, stray } of this.#waiting) {
      if (end > this.#acknowledged) {
        break;
      }
      this.#waitingBytes -= message.length;
      // What was sent once and arrived was read by gRPC.
      if (!stray) {
        this.#buffers.give(buffer);
      }
      done += 1;
    }
    this.#waiting.splice(0, done);
    this.#sent = Math.max(0, this.#sent - done);
  }

  /**
   * What was sent is to be sent again: all that is not acknowledged, in front of which the sidecar may name a next sequence
   * that it told nobody yet. Returns false if it wants records that it acknowledged before, which are gone here.
   */
  sendAgain(nextSequence = this.#acknowledged): boolean {
    if (nextSequence < this.#acknowledged) {
      return false;
    }
    this.acknowledge(nextSequence);
    for (const batch of this.#waiting.slice(0, this.#sent)) {
      batch.stray = true;
    }
    this.#sent = 0;
    return true;
  }

  /** Sees to it that the open batch has room for a record; begins one if there is none. */
  #makeRoom({ size }: Measured): void {
    if (this.#openRecords > 0) {
      const needed = this.#used + size;
      if (needed > this.#open.length) {
        const larger = this.#buffers.take(Math.min(Math.max(2 * this.#open.length, needed), this.#limits.batchBytes));
        this.#open.copy(larger, 0, 0, this.#used);
        this.#open = larger;
      }
      return;
    }
    const head = this.#head.length + 1 + varintSize(this.#count);
    // Most transactions are small: only from the second batch on there is room for a whole one at once.
    this.#open = this.#buffers.take(Math.max(head + size, this.#first ? FIRST_BYTES : this.#limits.batchBytes));
    this.#first = false;
    this.#open.set(this.#head, 0);
    this.#open[this.#head.length] = SEQUENCE_TAG;
    this.#used = writeVarint(this.#open, this.#head.length + 1, this.#count);
  }

  #seal(): void {
    const message = this.#open.subarray(0, this.#used);
    this.#waiting.push({ end: this.#count, message, buffer: this.#open, stray: false });
    this.#waitingBytes += message.length;
    this.#open = Buffer.alloc(0);
    this.#used = 0;
    this.#openRecords = 0;
  }
}
