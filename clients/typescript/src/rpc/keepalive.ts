import { TransactionServiceService } from "../generated/sidecommit/v1/transaction.js";
import { failureOf, type Channel } from "./channel.js";

const IDS_MAX = 1000;

/** Keeps open transactions from their idle timeout while the application works on something else: one call for all. */
export class KeepAlive {
  readonly #channel: Channel;
  /** After how long without a call the sidecar aborts a transaction, in milliseconds. */
  readonly idleTimeoutMs: () => Promise<number>;
  readonly #open = new Set<string>();
  #running = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(channel: Channel, idleTimeoutMs: () => Promise<number>) {
    this.#channel = channel;
    this.idleTimeoutMs = idleTimeoutMs;
  }

  /** From now on. */
  async add(transactionId: string): Promise<void> {
    this.#open.add(transactionId);
    if (this.#running) {
      return;
    }
    this.#running = true;
    try {
      const every = (await this.idleTimeoutMs()) / 3;
      this.#timer = setInterval(() => void this.#send(every), every).unref();
      this.#endIfIdle();
    } catch (error) {
      this.#running = false;
      throw error;
    }
  }

  /** No longer. */
  delete(transactionId: string): void {
    this.#open.delete(transactionId);
    this.#endIfIdle();
  }

  /** For good. */
  close(): void {
    this.#open.clear();
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#open.size === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#running = false;
    }
  }

  async #send(forMs: number): Promise<void> {
    const ids = [...this.#open];
    for (let from = 0; from < ids.length; from += IDS_MAX) {
      const request = { transactionIds: ids.slice(from, from + IDS_MAX) };
      try {
        await this.#channel.unary(TransactionServiceService.keepAlive, request, {
          deadline: new Date(Date.now() + forMs),
          trace: {},
        });
      } catch (error) {
        // The next one comes soon. If it was too late then, the transaction's own calls say so.
        if (failureOf(error) === undefined) {
          throw error;
        }
      }
    }
  }
}
