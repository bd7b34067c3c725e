import { ErrorDetail } from "../generated/sidecommit/v1/error.js";
import { RetryInfo } from "../generated/google/rpc/error_details.js";
import { Status } from "../generated/google/rpc/status.js";
import { AbortedError, BadRequestError, NeedsHumanError, type ErrorFields, type SidecommitError } from "../errors.js";
import { actionName, reasonName, type NextAction } from "./names.js";

/** A call's status that is not OK. */
export interface Failure {
  /** The gRPC code's name. */
  readonly code: string;
  readonly message: string;
  /** The sidecar's words; undefined: a gRPC library made the status. */
  readonly detail?: ErrorDetail | undefined;
  /** How long to wait before a repeat, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

const TOO_LARGE = new Set(["OUT_OF_RANGE", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"]);

/** Reads a status and its `grpc-status-details-bin`. */
export function readFailure(code: string, message: string, details: Uint8Array | undefined): Failure {
  let detail: ErrorDetail | undefined;
  let retryAfterMs: number | undefined;
  for (const { typeUrl, value } of details === undefined ? [] : Status.decode(details).details) {
    if (typeUrl.endsWith("/sidecommit.v1.ErrorDetail")) {
      detail = ErrorDetail.decode(value);
    } else if (typeUrl.endsWith("/google.rpc.RetryInfo")) {
      const delay = RetryInfo.decode(value).retryDelay;
      retryAfterMs = delay && delay.seconds * 1000 + delay.nanos / 1e6;
    }
  }
  return { code, message, detail, retryAfterMs };
}

/**
 * What to do after a failure, by error.proto.
 *
 * @param decides whether the call decides a transaction (Commit, Transact, Abort), so that its outcome is not known now.
 */
export function nextAction({ code, detail }: Failure, decides: boolean): NextAction {
  if (detail === undefined) {
    return TOO_LARGE.has(code) ? "FIX_REQUEST" : decides ? "ASK_OUTCOME" : "RETRY_SAME";
  }
  return reasonName(detail.reason) === undefined ? "RETRY_SAME" : actionName(detail.nextAction);
}

/** Whether an action is carried out by sending the same call again. */
export function isRepeat(action: NextAction): boolean {
  return action === "RETRY_SAME" || action === "ASK_OUTCOME" || action === "WAIT_READY";
}

/** What an error says of a failure. */
export function errorFields(failure: Failure, action: NextAction, transactionId?: string): ErrorFields {
  const { code, detail } = failure;
  return {
    reason: detail && reasonName(detail.reason),
    nextAction: action,
    code,
    recordIndex: detail?.recordIndex,
    nextSequence: detail?.nextSequence,
    limit: detail?.limit,
    coordinate: detail?.coordinate,
    transactionId,
  };
}

/** The error for a failure whose action is not to repeat the call. */
export function refusal(failure: Failure, action: NextAction, transactionId?: string): SidecommitError {
  const kind = action === "BEGIN_AGAIN" ? AbortedError : action === "FIX_REQUEST" ? BadRequestError : NeedsHumanError;
  const fields = errorFields(failure, action, transactionId);
  return new kind(`${fields.reason ?? fields.code}: ${failure.message}`, fields);
}

/** Whether an error says that its transaction is over, so that there is nothing left to abort. */
export function endsTransaction(error: SidecommitError): boolean {
  return error.kind === "aborted" || error.kind === "needs_human" || error.code === "ABORTED";
}
