import { DeadlineExceededError, SidecommitError } from "sidecommit";

/** The driver's own exception, by which an application leaves a scope. */
export class ApplicationError extends Error {
  override readonly name = "ApplicationError";
}

/** How often the work was done until an error, which is told beside it. */
const attempts = new WeakMap<object, number>();

/** Notes with an error how often the work was done. */
export function noteAttempts(error: unknown, count: number): void {
  if (error instanceof Error) {
    attempts.set(error, count);
  }
}

/** An error as it is answered. */
export function describe(error: unknown): object {
  if (!(error instanceof Error)) {
    return { kind: "other", message: String(error) };
  }
  const common = { message: error.message, attempts: attempts.get(error) };
  if (!(error instanceof SidecommitError)) {
    return { kind: error instanceof ApplicationError ? "application" : "other", ...common };
  }
  return {
    kind: error.kind,
    reason: error.reason,
    next_action: error.nextAction,
    record_index: error.recordIndex,
    in_doubt: error instanceof DeadlineExceededError ? error.inDoubt : undefined,
    transaction_id: error.transactionId,
    ...common,
  };
}
