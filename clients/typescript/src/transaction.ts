import { Batches } from "./core/batches.js";
import { endsTransaction } from "./core/judge.js";
import { OffsetsCount } from "./core/offsets.js";
import type { Delivery } from "./delivery.js";
import { AbortedError, BadRequestError, DeadlineExceededError, SidecommitError } from "./errors.js";
import {
  ProduceStreamResponse,
  TransactionServiceService as service,
  type SendOffsetsRequest,
} from "./generated/sidecommit/v1/transaction.js";
import { GroupOffsets as WireOffsets } from "./generated/sidecommit/v1/types.js";
import { call, deadlineOf, type Link } from "./link.js";
import type { GroupOffsets, PartitionRange, ProducerRecord } from "./records.js";
import { RecordStream } from "./rpc/recordstream.js";
import type { CallOptions } from "./rpc/repeat.js";
import type { Carrier } from "./tracing.js";

/** What was committed. */
export interface Committed {
  readonly transactionId: string;
  /** Where its records are, by topic and partition. Empty if there were none, or if only the fact is known. */
  readonly ranges: readonly PartitionRange[];
  /** How many records it has. */
  readonly recordCount: number;
}

/** A delivered record that could not be processed, for {@link Transaction.abort}. */
export interface FailedRecord {
  readonly deliveryId: string;
  /** Its offset; absent: which of the delivery's records it was is not known. */
  readonly offset?: number | undefined;
  /** False: it cannot succeed, and is moved to the dead-letter topic without further attempts. */
  readonly retryable: boolean;
  /** For people, e.g. the error's class. */
  readonly errorClass: string;
  /** For people. */
  readonly message: string;
}

/** Messages that {@link Batches} has written. */
const PRODUCE_STREAM = {
  path: service.produceStream.path,
  requestSerialize: (message: Buffer) => message,
  responseDeserialize: (bytes: Buffer) => ProduceStreamResponse.decode(bytes),
};

/** An open transaction. {@link Client.run} makes and ends them; {@link Client.begin} leaves the end to the caller. */
export class Transaction {
  readonly transactionId: string;
  readonly #link: Link;
  readonly #trace: Carrier;
  readonly #batches: Batches;
  readonly #records: RecordStream;
  readonly #offsets = new OffsetsCount();
  /** What was sent of offsets, in case that the sidecar misses it at the commit. */
  readonly #sentOffsets: SendOffsetsRequest[] = [];
  readonly #deliveries: Delivery[] = [];
  #asked = false;
  #end: Committed | SidecommitError | undefined;

  /** @internal */
  constructor(link: Link, transactionId: string, trace: Carrier) {
    this.transactionId = transactionId;
    this.#link = link;
    this.#trace = trace;
    this.#batches = new Batches(transactionId, link.writer, link.buffers);
    this.#records = new RecordStream(transactionId, this.#batches, () => link.channel.stream(PRODUCE_STREAM, trace));
  }

  /** Whether neither its commit nor its abort was asked and nothing else ended it. */
  get isOpen(): boolean {
    return !this.#asked && this.#end === undefined && !(this.#records.failure && endsTransaction(this.#records.failure));
  }

  /** Whether it was given deliveries: then it is no use to do its work again. */
  get hasDeliveries(): boolean {
    return this.#sentOffsets.some(({ deliveryIds }) => deliveryIds.length > 0);
  }

  /**
   * Queues a record, of which a copy is made. Resolves when it is queued: at once, unless 4 MiB or 5,000 records are
   * unacknowledged. A refusal of the record comes out of a later call, at the latest of the commit.
   *
   * @throws SidecommitError a refusal of earlier records; deadline exceeded: the record is not queued.
   * @throws TypeError, RangeError of a record that cannot be written.
   */
  produce(record: ProducerRecord, options: CallOptions = {}): Promise<void> {
    if (this.#asked || this.#end !== undefined) {
      return Promise.reject(this.#notOpen());
    }
    return this.#records.produce(record, deadlineOf(this.#link, options), options.signal);
  }

  /** Waits until the sidecar has accepted every record. {@link commit} does it by itself. */
  async flush(options: CallOptions = {}): Promise<void> {
    await this.#watched(this.#records.flush(deadlineOf(this.#link, options), options.signal));
  }

  /** Settles a delivery: the transaction holds it from now on, and its commit settles it. */
  async settle(delivery: Delivery, options: CallOptions = {}): Promise<void> {
    this.#checkOpen();
    try {
      await this.#send({ transactionId: this.transactionId, deliveryIds: [delivery.deliveryId], groupOffsets: undefined }, options);
    } catch (error) {
      if (error instanceof AbortedError) {
        delivery.release();
      }
      throw error;
    }
    this.#offsets.add(delivery.groupId, delivery.topic, delivery.partition);
    this.#deliveries.push(delivery);
  }

  /** Commits offsets of the application's own consumer with the transaction. */
  async sendOffsets(groupOffsets: GroupOffsets, options: CallOptions = {}): Promise<void> {
    this.#checkOpen();
    const wire = WireOffsets.fromPartial(groupOffsets as never);
    await this.#send({ transactionId: this.transactionId, deliveryIds: [], groupOffsets: wire }, options);
    this.#offsets.addAll(groupOffsets);
  }

  /**
   * Commits. Once it resolves, readers with `isolation.level=read_committed` see all of it. After *deadline exceeded* with
   * `inDoubt` call it again, or ask {@link Client.getOutcome}.
   */
  async commit(options: CallOptions = {}): Promise<Committed> {
    if (this.#end !== undefined) {
      return this.#outcome(this.#end);
    }
    await this.flush(options);
    this.#asked = true;
    const request = {
      transactionId: this.transactionId,
      recordCount: this.#batches.count,
      offsetsCount: this.#offsets.count,
      deliveryIds: [],
      groupOffsets: [],
    };
    const { ranges } = await this.#call(options, {
      name: "Commit",
      method: service.commit,
      decides: true,
      request: () => request,
      before: async ({ detail }) => {
        if (detail?.nextSequence !== undefined) {
          await this.#complete(detail.nextSequence, options);
        }
      },
    });
    const committed = { transactionId: this.transactionId, ranges, recordCount: this.#batches.count };
    this.#ended(committed);
    return committed;
  }

  /** Aborts: nothing of it will ever be visible. `failures` says which records of its deliveries could not be processed. */
  async abort(
    reason = "",
    { failures = [], ...options }: CallOptions & { failures?: readonly FailedRecord[] } = {},
  ): Promise<void> {
    this.#asked = true;
    this.#records.close();
    const request = {
      transactionId: this.transactionId,
      reason: reason.slice(0, 1024),
      failures: failures.map((failure) => ({ ...failure })),
    };
    await this.#call(options, { name: "Abort", method: service.abort, decides: true, request: () => request });
    this.#ended(this.#refused("ABORTED_BY_CALLER", "ABORTED", "the transaction was aborted"));
  }

  /** For `await using`: aborts, unless its commit or abort was asked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abandon("its scope was left without a commit");
  }

  /** @internal Aborts if there is anything to abort. Without an answer the sidecar does it when the transaction is idle. */
  async abandon(reason: string): Promise<void> {
    if (!this.isOpen) {
      return;
    }
    try {
      await this.abort(reason, { deadlineMs: Math.min(this.#link.deadlineMs, await this.#link.keepAlive.idleTimeoutMs()) });
    } catch (error) {
      if (!(error instanceof SidecommitError)) {
        throw error;
      }
      this.#ended(error);
    }
  }

  async #send(request: SendOffsetsRequest, options: CallOptions): Promise<void> {
    await this.#call(options, { name: "SendOffsets", method: service.sendOffsets, request: () => request });
    this.#sentOffsets.push(request);
  }

  /** The sidecar does not have all that its Commit counts: sends it again. */
  async #complete(nextSequence: number, options: CallOptions): Promise<void> {
    this.#records.sendAgain(nextSequence);
    await this.flush(options);
    for (const request of this.#sentOffsets) {
      await this.#call(options, { name: "SendOffsets", method: service.sendOffsets, request: () => request });
    }
  }

  #call<Q, R>(options: CallOptions, what: Parameters<typeof call<Q, R>>[2]): Promise<R> {
    return this.#watched(call(this.#link, options, { ...what, trace: this.#trace, transactionId: this.transactionId }));
  }

  /** Notes what ends the transaction. */
  async #watched<T>(doing: Promise<T>): Promise<T> {
    try {
      return await doing;
    } catch (error) {
      if (error instanceof SidecommitError && endsTransaction(error)) {
        this.#ended(error);
      } else if (error instanceof DeadlineExceededError && error.inDoubt) {
        this.#link.keepAlive.delete(this.transactionId);
      }
      throw error;
    }
  }

  #ended(end: Committed | SidecommitError): void {
    this.#end ??= end;
    this.#records.close();
    this.#link.keepAlive.delete(this.transactionId);
    for (const delivery of this.#deliveries.splice(0)) {
      delivery.finish();
    }
  }

  #outcome(end: Committed | SidecommitError): Committed {
    if (end instanceof SidecommitError) {
      throw end;
    }
    return end;
  }

  #checkOpen(): void {
    if (this.#asked || this.#end !== undefined) {
      throw this.#notOpen();
    }
  }

  #notOpen(): SidecommitError {
    return this.#end instanceof SidecommitError
      ? this.#end
      : this.#refused("NOT_OPEN", "FAILED_PRECONDITION", "the transaction takes nothing more");
  }

  #refused(reason: "NOT_OPEN" | "ABORTED_BY_CALLER", code: string, message: string): BadRequestError {
    const fields = { reason, nextAction: "FIX_REQUEST", code, transactionId: this.transactionId } as const;
    return new BadRequestError(`${reason}: ${message}`, fields);
  }
}
