/** How long somebody waits. */
export interface Patience {
  readonly deadlineMs: number;
  /** The error when the deadline is over. */
  readonly expired: () => Error;
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  /** Does what was waited for, if it can be done now. */
  readonly attempt: () => boolean;
  readonly settle: (error?: Error) => void;
}

/** Those who wait for something, in the order in which they came. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Whether nobody waits. */
  get empty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Waits until an attempt succeeds, which is made whenever something is told. */
  wait(attempt: () => boolean, { deadlineMs, expired, signal }: Patience): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
        this.#waiting.delete(waiter);
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      };
      const cancel = (): void => {
        settle(signal?.reason as Error);
      };
      const waiter = { attempt, settle };
      const timer = Number.isFinite(deadlineMs)
        ? setTimeout(() => {
            settle(expired());
          }, deadlineMs)
        : undefined;
      signal?.addEventListener("abort", cancel, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** Something has changed. Those behind one who still waits are not asked. */
  tell(): void {
    for (const waiter of this.#waiting) {
      try {
        if (!waiter.attempt()) {
          return;
        }
      } catch (error) {
        waiter.settle(error as Error);
        continue;
      }
      waiter.settle();
    }
  }

  /** Nobody needs to wait any longer. */
  fail(error: Error): void {
    for (const { settle } of this.#waiting) {
      settle(error);
    }
  }
}
