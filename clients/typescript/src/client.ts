import { again, type AgainOptions } from "./again.js";
import { begin, type BeginOptions } from "./begin.js";
import { DEFAULT_ADDRESS } from "./core/address.js";
import { batchBuffers } from "./core/batches.js";
import { RecordWriter } from "./core/wire.js";
import { deliveries, type DeliveriesOptions } from "./deliveries.js";
import type { Delivery } from "./delivery.js";
import { SidecommitError } from "./errors.js";
import type { Link } from "./link.js";
import { getOutcome, type Outcome, type OutcomeOptions, type TransactionName } from "./outcome.js";
import { Processor, type ProcessOptions } from "./process.js";
import type { ProducerRecord } from "./records.js";
import { Channel } from "./rpc/channel.js";
import { KeepAlive } from "./rpc/keepalive.js";
import type { CallOptions } from "./rpc/repeat.js";
import { serverInfo, waitReady, type ServerInfo } from "./server.js";
import { loadTracing } from "./tracing.js";
import { transact, type TransactOptions } from "./transact.js";
import type { Committed, Transaction } from "./transaction.js";

/** How to connect. */
export interface ConnectOptions {
  /** `unix:///path` or `host:port`. Default: the environment's SIDECOMMIT_ADDRESS, else the sidecar's usual socket. */
  readonly address?: string | undefined;
  /** How long a call may take until there is an outcome, in milliseconds. Default 60,000. */
  readonly deadlineMs?: number | undefined;
}

/** How {@link Client.run} runs. */
export interface RunOptions extends BeginOptions, AgainOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Client.run} committed. */
export interface Ran<T> extends Committed {
  /** What the work returned. */
  readonly value: T;
  /** How often the work was done. */
  readonly attempts: number;
}

/** A running {@link Client.process}: the promise of how many records it settled. */
export interface Processing extends Promise<number> {
  /** Stops it: no new deliveries, those that are worked on are finished, the others given back. Resolves as the promise itself. */
  stop(): Promise<number>;
}

/**
 * Makes a client. It does not wait for the sidecar: calls do, and {@link Client.waitReady}.
 *
 * @throws TypeError if the address is none.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const channel = new Channel(options.address ?? process.env["SIDECOMMIT_ADDRESS"] ?? DEFAULT_ADDRESS);
  const tracing = await loadTracing();
  let idleTimeoutMs: number | undefined;
  const link: Link = {
    channel,
    tracing,
    writer: new RecordWriter(),
    buffers: batchBuffers(),
    deadlineMs: options.deadlineMs ?? 60_000,
    keepAlive: new KeepAlive(channel, async () => (idleTimeoutMs ??= (await serverInfo(link, {})).limits.idleTimeoutMs)),
  };
  return new Client(link);
}

/** A connection to a sidecar. One is enough for a process, whatever it does at the same time. */
export class Client {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /** Waits until the sidecar serves. Default: as long as the client's deadline. */
  waitReady(timeoutMs?: number, options: Pick<CallOptions, "signal"> = {}): Promise<void> {
    return waitReady(this.#link, { ...options, deadlineMs: timeoutMs });
  }

  /** What the sidecar is, and its limits. */
  serverInfo(options: CallOptions = {}): Promise<ServerInfo> {
    return serverInfo(this.#link, options);
  }

  /** Begins a transaction that the caller ends, by `commit()`, `abort()`, or the end of an `await using` scope, which aborts. */
  begin(options: BeginOptions = {}): Promise<Transaction> {
    return begin(this.#link, options);
  }

  /**
   * Does work in a transaction: commits when it resolves, aborts when it rejects. If the transaction is aborted for no fault
   * of the work it is done again in a new one, after a pause.
   *
   * @throws SidecommitError; whatever the work throws.
   */
  run<T>(work: (transaction: Transaction) => T | Promise<T>, options: RunOptions = {}): Promise<Ran<T>> {
    let transaction: Transaction | undefined;
    return again(
      options,
      async (attempts) => {
        transaction = await begin(this.#link, options);
        return { ...(await scope(transaction, work, options)), attempts };
      },
      () => transaction?.hasDeliveries !== true,
    );
  }

  /**
   * A whole transaction in one call, the fastest way for small ones. Of all calls with one key at most one is ever
   * committed. If it is aborted it is tried again.
   */
  transact(records: Iterable<ProducerRecord>, idempotencyKey: string, options: TransactOptions = {}): Promise<Committed> {
    return transact(this.#link, records, idempotencyKey, options);
  }

  /** What became of a transaction. */
  getOutcome(name: TransactionName, options: OutcomeOptions = {}): Promise<Outcome> {
    return getOutcome(this.#link, name, options);
  }

  /** Reads, calls a handler, and commits what it returns together with what was read, until it is stopped. */
  process(options: ProcessOptions): Processing {
    const processor = new Processor(this.#link, options);
    const running = processor.run();
    return Object.assign(running, {
      stop(): Promise<number> {
        processor.stop();
        return running;
      },
    });
  }

  /** Reads; for those who settle by themselves. */
  deliveries(options: DeliveriesOptions): AsyncGenerator<Delivery, never, void> {
    return deliveries(this.#link, options);
  }

  /** Closes the connection. What is open is aborted by the sidecar. */
  close(): void {
    this.#link.keepAlive.close();
    this.#link.channel.close();
  }

  /** For `using` and `await using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

async function scope<T>(
  transaction: Transaction,
  work: (transaction: Transaction) => T | Promise<T>,
  options: RunOptions,
): Promise<Committed & { value: T }> {
  try {
    const value = await work(transaction);
    return { ...(await transaction.commit({ deadlineMs: options.deadlineMs, signal: options.signal })), value };
  } catch (error) {
    await transaction.abandon(error instanceof SidecommitError ? error.message : `the work failed: ${String(error)}`);
    throw error;
  }
}
