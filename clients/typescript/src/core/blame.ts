import type { ConsumedRecord } from "../delivery.js";
import { RejectError, type BadRequestError } from "../errors.js";
import type { FailedRecord } from "../transaction.js";

/** What is to be told of a record that failed, but for its delivery. */
export type Blame = Omit<FailedRecord, "deliveryId">;

/**
 * What is said of a handler that threw.
 *
 * @param record the one it was called with; undefined: it was called with all of the delivery.
 */
export function thrown(error: unknown, record: ConsumedRecord | undefined): Blame {
  const named = error instanceof RejectError ? error.offset : offsetOf(error);
  return {
    offset: record?.offset ?? named,
    retryable: !(error instanceof RejectError),
    errorClass: error instanceof Error ? error.name : typeof error,
    message: error instanceof Error ? error.message : String(error),
  };
}

/**
 * What is said of the input of a record that the sidecar refuses; undefined: the refusal names no record, so that no input is
 * to blame.
 *
 * @param origins for each record that was to be written, the one it was made of; undefined: all of the delivery.
 */
export function refused(error: BadRequestError, origins: readonly (ConsumedRecord | undefined)[]): Blame | undefined {
  if (error.recordIndex === undefined || error.recordIndex >= origins.length) {
    return undefined;
  }
  const offset = origins[error.recordIndex]?.offset;
  return { offset, retryable: false, errorClass: error.reason ?? error.code, message: error.message };
}

/** In a batch an error may name the record by a property `offset`. */
function offsetOf(error: unknown): number | undefined {
  const offset: unknown = error instanceof Error && "offset" in error ? error.offset : undefined;
  return typeof offset === "number" && Number.isSafeInteger(offset) ? offset : undefined;
}
