import type { Coordinate, LimitExceeded } from "./generated/sidecommit/v1/error.js";
import type { NextAction, Reason } from "./core/names.js";

/** What is known of a refusal. */
export interface ErrorFields {
  /** Why, as in docs/errors.md; undefined: the status was made by a gRPC library, or the reason is a newer one. */
  readonly reason?: Reason | undefined;
  /** What to do. */
  readonly nextAction: NextAction;
  /** The gRPC code's name, e.g. `UNAVAILABLE`. */
  readonly code: string;
  /** The index in the transaction of the record to blame, from 0 on. */
  readonly recordIndex?: number | undefined;
  /** How many records of the transaction the sidecar has. */
  readonly nextSequence?: number | undefined;
  /** The limit run into. */
  readonly limit?: LimitExceeded | undefined;
  /** With `OUTCOME_UNKNOWN`: where to look in Kafka. */
  readonly coordinate?: Coordinate | undefined;
  /** The transaction it is about, if there is one yet. */
  readonly transactionId?: string | undefined;
}

/** What the kinds of error are called, for a `switch`. */
export type ErrorKind = "aborted" | "bad_request" | "needs_human" | "deadline_exceeded";

/** A refusal, or the lack of an outcome. Its subclasses say what to do about it. */
export abstract class SidecommitError extends Error implements ErrorFields {
  /** What to do, as the subclass says it. */
  abstract readonly kind: ErrorKind;
  readonly reason: Reason | undefined;
  readonly nextAction: NextAction;
  readonly code: string;
  readonly recordIndex: number | undefined;
  readonly nextSequence: number | undefined;
  readonly limit: LimitExceeded | undefined;
  readonly coordinate: Coordinate | undefined;
  readonly transactionId: string | undefined;

  constructor(message: string, fields: ErrorFields, options?: ErrorOptions) {
    super(message, options);
    this.reason = fields.reason;
    this.nextAction = fields.nextAction;
    this.code = fields.code;
    this.recordIndex = fields.recordIndex;
    this.nextSequence = fields.nextSequence;
    this.limit = fields.limit;
    this.coordinate = fields.coordinate;
    this.transactionId = fields.transactionId;
  }
}

/** BEGIN_AGAIN: the transaction is over and nothing of it is visible. Begin again; {@link Client.run} does. */
export class AbortedError extends SidecommitError {
  override readonly name = "AbortedError";
  readonly kind = "aborted";
}

/** FIX_REQUEST: the same request would be refused again. Correct it. */
export class BadRequestError extends SidecommitError {
  override readonly name = "BadRequestError";
  readonly kind = "bad_request";
}

/** STOP: neither repeating nor beginning again helps. Call a person. */
export class NeedsHumanError extends SidecommitError {
  override readonly name = "NeedsHumanError";
  readonly kind = "needs_human";
}

/** There was no outcome within the deadline. Make the same call again, or ask {@link Client.getOutcome}. */
export class DeadlineExceededError extends SidecommitError {
  override readonly name = "DeadlineExceededError";
  readonly kind = "deadline_exceeded";
  /** Whether it may have happened all the same: after a commit, an abort and a transact. */
  readonly inDoubt: boolean;

  constructor(message: string, fields: ErrorFields & { readonly inDoubt: boolean }, options?: ErrorOptions) {
    super(message, fields, options);
    this.inDoubt = fields.inDoubt;
  }
}

/**
 * Thrown by a handler of {@link Client.process}: the record cannot succeed. It goes to the dead-letter topic without further
 * attempts.
 */
export class RejectError extends Error {
  override readonly name = "RejectError";
  /** In a batch: the offset of the record; undefined: which one it was is not known. */
  readonly offset: number | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly offset?: number }) {
    super(message, options);
    this.offset = options?.offset;
  }
}
