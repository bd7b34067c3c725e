import { backoff } from "./core/backoff.js";
import { servingName, type ServingState } from "./core/names.js";
import { DeadlineExceededError } from "./errors.js";
import { TransactionServiceService as service } from "./generated/sidecommit/v1/transaction.js";
import { call, deadlineOf, type Link } from "./link.js";
import { pause, type CallOptions } from "./rpc/repeat.js";
import { milliseconds } from "./subscription.js";

/** What the sidecar is. */
export interface ServerInfo {
  readonly version: string;
  /** What it can do beyond Begin, Produce and Commit. */
  readonly features: readonly string[];
  /** Counts the lives of the slot's owner; 0 before the slot is claimed. */
  readonly incarnation: number;
  /** The slot; empty while none is claimed. */
  readonly identity: string;
  readonly state: ServingState;
  readonly limits: ServerLimits;
}

/** Limits of the sidecar that applications meet. */
export interface ServerLimits {
  readonly messageBytes: number;
  readonly recordsPerTransaction: number;
  readonly bytesPerTransaction: number;
  readonly openTransactions: number;
  readonly idleTimeoutMs: number;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly deliveryTimeoutMs: number;
  readonly sessionGraceMs: number;
}

/** GetServerInfo, which is answered in every state of the sidecar. */
export async function serverInfo(link: Link, options: CallOptions): Promise<ServerInfo> {
  const { limits, state, ...info } = await call(link, options, {
    name: "GetServerInfo",
    method: service.getServerInfo,
    request: () => ({}),
  });
  return {
    ...info,
    state: servingName(state),
    limits: {
      messageBytes: limits?.messageBytes ?? 0,
      recordsPerTransaction: limits?.recordsPerTransaction ?? 0,
      bytesPerTransaction: limits?.bytesPerTransaction ?? 0,
      openTransactions: limits?.openTransactions ?? 0,
      idleTimeoutMs: milliseconds(limits?.idleTimeout),
      defaultTimeoutMs: milliseconds(limits?.defaultTimeout),
      maxTimeoutMs: milliseconds(limits?.maxTimeout),
      deliveryTimeoutMs: milliseconds(limits?.deliveryTimeout),
      sessionGraceMs: milliseconds(limits?.sessionGrace),
    },
  };
}

/** Waits until the sidecar is READY. */
export async function waitReady(link: Link, { signal, ...options }: CallOptions): Promise<void> {
  const end = performance.now() + deadlineOf(link, options);
  for (let asked = 1; ; asked++) {
    const leftMs = end - performance.now();
    const { state } = await serverInfo(link, { deadlineMs: Math.max(leftMs, 0), signal });
    if (state === "READY") {
      return;
    }
    if (performance.now() >= end) {
      const fields = { nextAction: "WAIT_READY", code: "DEADLINE_EXCEEDED", inDoubt: false } as const;
      throw new DeadlineExceededError(`waitReady: deadline exceeded (the sidecar is ${state})`, fields);
    }
    await pause(Math.min(backoff(asked), Math.max(leftMs, 0)), signal);
  }
}
