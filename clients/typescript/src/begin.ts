import { randomUUID } from "node:crypto";
import { TransactionServiceService as service } from "./generated/sidecommit/v1/transaction.js";
import { call, type Link } from "./link.js";
import type { CallOptions } from "./rpc/repeat.js";
import { duration } from "./subscription.js";
import { Transaction } from "./transaction.js";

/** How a transaction begins. */
export interface BeginOptions extends CallOptions {
  /** The application's own name for it, at most 128 characters. Default: a random UUID. */
  readonly requestId?: string | undefined;
  /** How long it may take until its commit, in milliseconds. Default: the sidecar's. */
  readonly timeoutMs?: number | undefined;
  /** For people who look at open transactions. */
  readonly label?: string | undefined;
  /** Transactions with the same key are written in the order of their commits. */
  readonly orderingKey?: string | undefined;
}

/** Begins a transaction. */
export async function begin(link: Link, options: BeginOptions): Promise<Transaction> {
  const request = {
    requestId: options.requestId ?? randomUUID(),
    timeout: duration(options.timeoutMs),
    label: options.label ?? "",
    orderingKey: options.orderingKey ?? "",
  };
  // The whole transaction is the caller's who began it, also what is sent of it by timers.
  const trace = link.tracing.current();
  const { transactionId } = await call(link, options, { name: "Begin", method: service.begin, request: () => request, trace });
  const transaction = new Transaction(link, transactionId, trace);
  await link.keepAlive.add(transactionId);
  return transaction;
}
