import assert from "node:assert/strict";
import { test } from "node:test";
import { endsTransaction, nextAction, readFailure, refusal, type Failure } from "../src/core/judge.js";
import { RetryInfo } from "../src/generated/google/rpc/error_details.js";
import { Status } from "../src/generated/google/rpc/status.js";
import { ErrorDetail, NextAction, Reason } from "../src/generated/sidecommit/v1/error.js";

const detailed = (reason: Reason, action: NextAction, code = "UNAVAILABLE"): Failure => ({
  code,
  message: "why",
  detail: ErrorDetail.fromPartial({ reason, nextAction: action }),
});

test("a status without details is judged by its code and by what the call decides", () => {
  for (const code of ["DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "UNAVAILABLE"]) {
    assert.equal(nextAction({ code, message: "" }, true), "ASK_OUTCOME");
    assert.equal(nextAction({ code, message: "" }, false), "RETRY_SAME");
  }
  for (const code of ["OUT_OF_RANGE", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"]) {
    assert.equal(nextAction({ code, message: "" }, true), "FIX_REQUEST");
  }
});

test("the sidecar's word counts more than the code", () => {
  assert.equal(nextAction(detailed(Reason.TIMED_OUT, NextAction.BEGIN_AGAIN), true), "BEGIN_AGAIN");
  assert.equal(nextAction(detailed(Reason.QUEUE_EXCEEDED, NextAction.RETRY_SAME, "RESOURCE_EXHAUSTED"), true), "RETRY_SAME");
});

test("what a client does not know is a reason to repeat", () => {
  assert.equal(nextAction(detailed(999 as Reason, NextAction.STOP), true), "RETRY_SAME");
  assert.equal(nextAction(detailed(Reason.TIMED_OUT, 99 as NextAction), true), "RETRY_SAME");
});

test("details are found among others", () => {
  const any = (name: string, value: Uint8Array) => ({ typeUrl: `type.googleapis.com/${name}`, value });
  const detail = ErrorDetail.fromPartial({ reason: Reason.SEQUENCE_GAP, nextAction: NextAction.RETRY_SAME, nextSequence: 7 });
  const details = Status.encode({
    code: 9,
    message: "gap",
    details: [
      any("google.rpc.Help", new Uint8Array()),
      any("google.rpc.RetryInfo", RetryInfo.encode({ retryDelay: { seconds: 1, nanos: 500_000_000 } }).finish()),
      any("sidecommit.v1.ErrorDetail", ErrorDetail.encode(detail).finish()),
    ],
  }).finish();
  assert.deepEqual(readFailure("FAILED_PRECONDITION", "gap", details), {
    code: "FAILED_PRECONDITION",
    message: "gap",
    detail,
    retryAfterMs: 1500,
  });
});

test("an error is of the kind that its action says, and knows the record", () => {
  const failure = detailed(Reason.RECORD_REJECTED, NextAction.FIX_REQUEST, "ABORTED");
  const error = refusal({ ...failure, detail: { ...failure.detail, recordIndex: 3 } as ErrorDetail }, "FIX_REQUEST", "tx");
  assert.equal(error.name, "BadRequestError");
  assert.equal(error.kind, "bad_request");
  assert.equal(error.reason, "RECORD_REJECTED");
  assert.equal(error.recordIndex, 3);
  assert.equal(error.transactionId, "tx");
  assert.match(error.message, /^RECORD_REJECTED: why$/);
  assert.equal(refusal(failure, "BEGIN_AGAIN").kind, "aborted");
  assert.equal(refusal(failure, "STOP").kind, "needs_human");
});

test("a refused record leaves its transaction open, a rejected one does not", () => {
  const open = detailed(Reason.RECORD_TOO_LARGE, NextAction.FIX_REQUEST, "INVALID_ARGUMENT");
  assert.equal(endsTransaction(refusal(open, "FIX_REQUEST")), false);
  assert.equal(endsTransaction(refusal(detailed(Reason.RECORD_REJECTED, NextAction.FIX_REQUEST, "ABORTED"), "FIX_REQUEST")), true);
  assert.equal(endsTransaction(refusal(detailed(Reason.TIMED_OUT, NextAction.BEGIN_AGAIN, "ABORTED"), "BEGIN_AGAIN")), true);
});
