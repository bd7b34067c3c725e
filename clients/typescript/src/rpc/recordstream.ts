import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import type { Batches } from "../core/batches.js";
import { refusal } from "../core/judge.js";
import { Repeats } from "../core/repeats.js";
import type { SidecommitError } from "../errors.js";
import type { ProduceStreamResponse } from "../generated/sidecommit/v1/transaction.js";
import type { ProducerRecord } from "../records.js";
import { failureOfStatus } from "./channel.js";
import { Waiters } from "./waiters.js";

/** A ProduceStream whose messages are written as they are. */
export type RecordCall = ClientDuplexStream<Buffer, ProduceStreamResponse>;

const QUEUED = Promise.resolve();

/**
 * Brings a transaction's records to the sidecar: over a ProduceStream, which is opened again from the last acknowledged record
 * whenever it breaks, until the sidecar refuses.
 */
export class RecordStream {
  readonly #transactionId: string;
  readonly #open: () => RecordCall;
  readonly #batches: Batches;
  readonly #repeats: Repeats;
  readonly #room = new Waiters();
  readonly #acknowledged = new Waiters();
  #call: RecordCall | undefined;
  /** gRPC has enough for now: its `drain` comes. */
  #blocked = false;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #failure: SidecommitError | undefined;
  #over = false;

  constructor(transactionId: string, batches: Batches, open: () => RecordCall) {
    this.#transactionId = transactionId;
    this.#batches = batches;
    this.#open = open;
    // Whoever waits has a deadline; the stream itself goes on as long as somebody may.
    this.#repeats = new Repeats({ name: "ProduceStream", transactionId }, Infinity);
  }

  /** The refusal that ended it. */
  get failure(): SidecommitError | undefined {
    return this.#failure;
  }

  /** Queues a record. Resolves when it is queued, which is at once while the window is not full. */
  produce(record: ProducerRecord, deadlineMs: number, signal?: AbortSignal): Promise<void> {
    try {
      this.#check();
      if (!this.#batches.full && this.#room.empty) {
        this.#add(record);
        return QUEUED;
      }
    } catch (error) {
      const refused = error as Error;
      return Promise.reject(refused);
    }
    return this.#room.wait(
      () => {
        if (this.#batches.full) {
          return false;
        }
        this.#add(record);
        return true;
      },
      { deadlineMs, expired: () => this.#repeats.expired(), signal },
    );
  }

  /** Waits until every record is acknowledged. */
  async flush(deadlineMs: number, signal?: AbortSignal): Promise<void> {
    this.#check();
    const done = (): boolean => this.#room.empty && this.#batches.acknowledged === this.#batches.count;
    if (done()) {
      return;
    }
    const waiting = this.#acknowledged.wait(done, { deadlineMs, expired: () => this.#repeats.expired(), signal });
    this.#pump();
    await waiting;
  }

  /** Sends again from a sequence on: the sidecar says that it has no more. */
  sendAgain(nextSequence: number | undefined): boolean {
    this.#drop();
    return this.#batches.sendAgain(nextSequence);
  }

  /** Ends the stream: nothing more comes, and what has not come is not missed. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#call?.end();
  }

  #check(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  #add(record: ProducerRecord): void {
    this.#batches.add(record);
    this.#kick();
  }

  #kick(): void {
    if (this.#batches.ready || !this.#acknowledged.empty) {
      this.#pump();
    } else if (!this.#scheduled && !this.#batches.inFlight) {
      // What an application gives without a pause goes out together.
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    }
  }

  /** Sends what there is. What is not a whole batch goes out if nothing is on its way, or if somebody waits for it. */
  #pump(): void {
    if (this.#over || this.#failure !== undefined || this.#timer !== undefined) {
      return;
    }
    while (!this.#blocked) {
      const batch = this.#batches.next(!this.#batches.inFlight || !this.#acknowledged.empty);
      if (batch === undefined) {
        return;
      }
      this.#call ??= this.#connect();
      this.#blocked = !this.#call.write(batch.message);
    }
  }

  #connect(): RecordCall {
    const call = this.#open();
    const current = (handle: () => void) => () => {
      if (call === this.#call) {
        handle();
      }
    };
    call.on("data", ({ nextSequence }: ProduceStreamResponse) => {
      if (call === this.#call) {
        this.#onAcknowledged(nextSequence);
      }
    });
    call.on(
      "drain",
      current(() => {
        this.#blocked = false;
        this.#pump();
      }),
    );
    call.on(
      "end",
      current(() => {
        this.#drop();
        // An end that nobody asked for is a break like any other.
        if (!this.#over && this.#batches.inFlight) {
          this.#again(0);
        }
      }),
    );
    call.on("error", (error: ServiceError) => {
      if (call === this.#call) {
        this.#onFailure(error);
      }
    });
    return call;
  }

  #onAcknowledged(nextSequence: number): void {
    this.#repeats.progressed();
    this.#batches.acknowledge(nextSequence);
    this.#room.tell();
    this.#acknowledged.tell();
    this.#kick();
  }

  #onFailure(error: ServiceError): void {
    this.#drop();
    if (this.#over) {
      return;
    }
    const failure = failureOfStatus(error);
    const step = this.#repeats.after(failure, performance.now());
    if ("raise" in step) {
      step.raise.cause = error;
      this.#fail(step.raise);
    } else if (this.#batches.sendAgain(failure.detail?.nextSequence)) {
      this.#again(step.waitMs);
    } else {
      // It wants records that it had acknowledged: they are gone, here and there.
      this.#fail(refusal(failure, "STOP", this.#transactionId));
    }
  }

  #again(waitMs: number): void {
    this.#batches.sendAgain();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, waitMs);
  }

  #fail(error: SidecommitError): void {
    this.#failure = error;
    this.#room.fail(error);
    this.#acknowledged.fail(error);
  }

  #drop(): void {
    const call = this.#call;
    this.#call = undefined;
    this.#blocked = false;
    call?.end();
  }
}
