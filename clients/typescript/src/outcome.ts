import { reasonName, stateName, type Reason, type TransactionState } from "./core/names.js";
import { TransactionServiceService as service, type GetTransactionRequest } from "./generated/sidecommit/v1/transaction.js";
import { call, type Link } from "./link.js";
import type { PartitionRange } from "./records.js";
import type { CallOptions } from "./rpc/repeat.js";

/** A transaction by one of its names. */
export type TransactionName =
  | { readonly transactionId: string }
  /** As given to {@link Client.begin} or {@link Client.run}. */
  | { readonly requestId: string }
  /** As given to {@link Client.transact}. */
  | { readonly idempotencyKey: string };

/** What is known of a transaction. */
export interface Outcome {
  readonly transactionId: string;
  readonly state: TransactionState;
  /** Why it was aborted, or why its outcome is unknown. */
  readonly reason: Reason | undefined;
  readonly recordCount: number;
  readonly offsetsCount: number;
  /** Where its records are; only once it is committed. */
  readonly ranges: readonly PartitionRange[];
}

/** What {@link Client.getOutcome} takes beside the name. */
export interface OutcomeOptions extends CallOptions {
  /** Answer only when it is COMMITTED, ABORTED or UNKNOWN. Default true. */
  readonly wait?: boolean | undefined;
}

/** What became of a transaction. */
export async function getOutcome(link: Link, name: TransactionName, { wait = true, ...options }: OutcomeOptions): Promise<Outcome> {
  const request: GetTransactionRequest = { by: by(name), wait };
  const { transaction } = await call(link, options, {
    name: "GetTransaction",
    method: service.getTransaction,
    request: () => request,
  });
  if (transaction === undefined) {
    throw new Error("the sidecar's answer has no transaction");
  }
  const { transactionId, state, reason, recordCount, offsetsCount, ranges } = transaction;
  return { transactionId, state: stateName(state), reason: reasonName(reason), recordCount, offsetsCount, ranges };
}

function by(name: TransactionName): GetTransactionRequest["by"] {
  if ("transactionId" in name) {
    return { $case: "transactionId", transactionId: name.transactionId };
  }
  if ("requestId" in name) {
    return { $case: "requestId", requestId: name.requestId };
  }
  return { $case: "idempotencyKey", idempotencyKey: name.idempotencyKey };
}
