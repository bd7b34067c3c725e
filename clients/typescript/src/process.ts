import { begin } from "./begin.js";
import { refused, type Blame } from "./core/blame.js";
import type { Delivery } from "./delivery.js";
import { AbortedError, BadRequestError, DeadlineExceededError, NeedsHumanError } from "./errors.js";
import { openIntake } from "./intake.js";
import type { Link } from "./link.js";
import type { Session } from "./rpc/session.js";
import type { CallOptions } from "./rpc/repeat.js";
import type { SubscriptionOptions } from "./subscription.js";
import { encode, transact } from "./transact.js";
import type { Transaction } from "./transaction.js";
import { work, type HandlerOptions, type Results } from "./work.js";

/** What {@link Client.process} takes. */
export type ProcessOptions = SubscriptionOptions &
  HandlerOptions & {
    /** How many deliveries are worked on at a time, each of another partition. Default 4. */
    readonly concurrency?: number | undefined;
    /** How long its calls may take once it is being stopped, in milliseconds; before, it waits as long as it takes. Default: the client's. */
    readonly deadlineMs?: number | undefined;
    /** Whether SIGTERM and SIGINT stop it. Default true. */
    readonly handleSignals?: boolean | undefined;
    /** Stops it gracefully when it is aborted. */
    readonly signal?: AbortSignal | undefined;
  };

// A Transact has to fit what the sidecar takes in a message, 4 MiB.
const TRANSACT_BYTES_MAX = 3 * 1024 * 1024;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Reads, calls a handler, and commits what it returns together with what it was made of, until it is stopped. */
export class Processor {
  readonly #link: Link;
  readonly #options: ProcessOptions;
  readonly #concurrency: number;
  readonly #ready: Delivery[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #session: Session;
  #settled = 0;
  #stopping = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(link: Link, options: ProcessOptions) {
    this.#link = link;
    this.#options = options;
    this.#concurrency = options.concurrency ?? 4;
    if (!Number.isInteger(this.#concurrency) || this.#concurrency < 1) {
      throw new RangeError("concurrency is a whole number from 1 on");
    }
    this.#session = openIntake(link, options, this.#concurrency, {
      take: (delivery) => {
        this.#take(delivery);
      },
      failed: (error) => {
        this.#fail(error);
      },
    });
  }

  /** Goes on until it is stopped; resolves with how many records it settled. */
  async run(): Promise<number> {
    const { handleSignals = true, signal } = this.#options;
    const stop = (): void => {
      this.stop();
    };
    const signals = handleSignals ? SIGNALS : [];
    signals.forEach((name) => process.once(name, stop));
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) {
      this.stop();
    }
    try {
      while (!this.#stopping) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      await Promise.all(this.#running);
      await this.#session.close();
    } finally {
      signals.forEach((name) => process.removeListener(name, stop));
      signal?.removeEventListener("abort", stop);
    }
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
    return this.#settled;
  }

  /** No new deliveries; those that are worked on are finished, the others given back. */
  stop(): void {
    this.#stopping = true;
    this.#session.stop();
    for (const delivery of this.#ready.splice(0)) {
      delivery.release();
    }
    this.#wake();
  }

  #take(delivery: Delivery): void {
    if (this.#stopping) {
      delivery.release();
      return;
    }
    this.#ready.push(delivery);
    this.#next();
  }

  #next(): void {
    while (this.#running.size < this.#concurrency) {
      const delivery = this.#ready.shift();
      if (delivery === undefined) {
        return;
      }
      // A delivery has many traces, and that of who called process is none of them.
      const running = this.#link.tracing
        .within({}, () => this.#deal(delivery))
        .catch((error: unknown) => {
          this.#fail(error);
        })
        .finally(() => {
          this.#running.delete(running);
          this.#next();
        });
      this.#running.add(running);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.stop();
  }

  /** One delivery, from the handler to its outcome. */
  async #deal(delivery: Delivery): Promise<void> {
    try {
      const results = await work(delivery, this.#options, this.#link.tracing);
      if (delivery.signal.aborted) {
        delivery.release();
      } else if ("blame" in results) {
        await this.#blame(delivery, results.blame);
      } else if (await this.#settle(delivery, results)) {
        this.#settled += delivery.records.length;
      }
    } catch (error) {
      if (!comesAgainUnlessSettled(error)) {
        throw error;
      }
      delivery.release();
    } finally {
      delivery.finish();
    }
  }

  /** Commits; false: a record is refused, for which its input is given up. */
  async #settle(delivery: Delivery, results: Results): Promise<boolean> {
    try {
      if (encode(this.#link.writer, results.outputs).bytes.length <= TRANSACT_BYTES_MAX) {
        await this.#settleAtOnce(delivery, results);
      } else {
        await this.#settleByStream(delivery, results);
      }
      return true;
    } catch (error) {
      const blame = error instanceof BadRequestError ? refused(error, results.origins) : undefined;
      if (blame === undefined || this.#options.deadLetterTopic === undefined) {
        throw error;
      }
      await this.#blame(delivery, blame);
      return false;
    }
  }

  async #settleAtOnce(delivery: Delivery, { outputs }: Results): Promise<void> {
    let first: Date | undefined;
    await this.#insist((options) => {
      const firstAttemptTime = first;
      first ??= new Date();
      return transact(this.#link, outputs, delivery.deliveryId, { ...options, firstAttemptTime, deliveries: [delivery] });
    });
  }

  async #settleByStream(delivery: Delivery, { outputs }: Results): Promise<void> {
    const requestId = delivery.deliveryId;
    const transaction = await this.#insist((options) => begin(this.#link, { ...options, requestId }));
    await this.#within(transaction, async () => {
      await this.#insist((options) => transaction.settle(delivery, options));
      for (const output of outputs) {
        await this.#insist((options) => transaction.produce(output, options));
      }
      await this.#insist((options) => transaction.commit(options));
    });
  }

  /** Tells the sidecar which record failed: it delivers it again, or moves it on. */
  async #blame(delivery: Delivery, blame: Blame): Promise<void> {
    const failures = [{ ...blame, deliveryId: delivery.deliveryId }];
    const transaction = await this.#insist((options) => begin(this.#link, options));
    await this.#within(transaction, async () => {
      await this.#insist((options) => transaction.settle(delivery, options));
      await this.#insist((options) => transaction.abort(blame.message, { ...options, failures }));
    });
  }

  /** Leaves no transaction open. */
  async #within(transaction: Transaction, steps: () => Promise<void>): Promise<void> {
    try {
      await steps();
    } catch (error) {
      await transaction.abandon(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** A processor has time: until it is stopped a deadline that is over is a reason to go on. */
  async #insist<T>(call: (options: CallOptions) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call({ deadlineMs: this.#options.deadlineMs });
      } catch (error) {
        if (!(error instanceof DeadlineExceededError) || this.#stopping) {
          throw error;
        }
      }
    }
  }
}

/**
 * Whether to give a delivery back is right: its transaction is aborted; or it is forgotten, as after a lost journal, and the offsets, which are
 * in the same transaction, tell where to read on.
 */
function comesAgainUnlessSettled(error: unknown): boolean {
  return error instanceof AbortedError || (error instanceof NeedsHumanError && error.reason === "OUTCOME_FORGOTTEN");
}
