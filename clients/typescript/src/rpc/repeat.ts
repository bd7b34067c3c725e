import { setTimeout as sleep } from "node:timers/promises";
import type { Subject } from "../core/repeats.js";
import { Repeats } from "../core/repeats.js";
import type { SidecommitError } from "../errors.js";
import type { Failure } from "../core/judge.js";
import type { Carrier } from "../tracing.js";
import { failureOf, type Channel, type Method } from "./channel.js";

/** How long a call may take and what may end it. */
export interface CallOptions {
  /** Milliseconds until there has to be an outcome. Default: the client's. */
  readonly deadlineMs?: number | undefined;
  /** Ends the waiting, not what the sidecar does: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A call that is repeated until there is an outcome. */
export interface Repeated<Q, R> extends Subject {
  readonly method: Method<Q, R>;
  /** The request for the first call (0) and each repeat. */
  readonly request: (repeat: number) => Q;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly trace: Carrier;
  /** What has to be done after a refusal before the call is made again. */
  readonly before?: ((refused: Failure) => Promise<void>) | undefined;
}

/**
 * Makes a call until there is an outcome.
 *
 * @throws SidecommitError what is not to be repeated, and when the deadline is over; the signal's reason.
 */
export async function repeat<Q, R>(channel: Channel, call: Repeated<Q, R>): Promise<R> {
  const end = performance.now() + call.deadlineMs;
  const repeats = new Repeats(call, end);
  const deadline = deadlineIn(call.deadlineMs);
  for (let made = 0; ; made++) {
    try {
      return await channel.unary(call.method, call.request(made), { deadline, trace: call.trace, signal: call.signal });
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) {
        throw error;
      }
      const step = repeats.after(failure, performance.now());
      if ("raise" in step) {
        throw raised(step.raise, error);
      }
      await pause(step.waitMs, call.signal);
      await call.before?.(failure);
    }
  }
}

/** Waits; rejects with the signal's reason. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** When a deadline is over, as gRPC wants it. */
function deadlineIn(ms: number): Date {
  // A Date has no Infinity; a year is as good.
  return new Date(Date.now() + Math.min(ms, 365 * 86_400_000));
}

function raised(error: SidecommitError, cause: unknown): SidecommitError {
  error.cause = cause;
  return error;
}
