import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../src/core/backoff.js";
import { Repeats } from "../src/core/repeats.js";
import { DeadlineExceededError } from "../src/errors.js";
import { ErrorDetail, NextAction, Reason } from "../src/generated/sidecommit/v1/error.js";

const lost = { code: "UNAVAILABLE", message: "connection lost" };
const whole = (): number => 0;

test("pauses double from 50 ms to 2 s, and jitter only shortens them, by a half at most", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((repeat) => backoff(repeat, whole)),
    [50, 100, 200, 400, 800, 1600, 2000, 2000],
  );
  assert.equal(
    backoff(1, () => 0.5),
    37.5,
  );
  assert.ok(backoff(1, () => 0.999) > 25);
});

test("a call is repeated with growing pauses, but never beyond its deadline", () => {
  const repeats = new Repeats({ name: "Begin" }, 160, whole);
  assert.deepEqual(repeats.after(lost, 0), { waitMs: 50 });
  assert.deepEqual(repeats.after(lost, 50), { waitMs: 100 });
  assert.deepEqual(repeats.after(lost, 150), { waitMs: 10 });
  const step = repeats.after(lost, 160);
  assert.ok("raise" in step && step.raise instanceof DeadlineExceededError);
  assert.equal(step.raise.inDoubt, false);
});

test("the sidecar's delay is obeyed", () => {
  const repeats = new Repeats({ name: "Begin" }, 1000, whole);
  assert.deepEqual(repeats.after({ ...lost, retryAfterMs: 330 }, 0), { waitMs: 330 });
});

test("after progress the pauses begin anew", () => {
  const repeats = new Repeats({ name: "ProduceStream" }, Infinity, whole);
  repeats.after(lost, 0);
  repeats.after(lost, 0);
  repeats.progressed();
  assert.deepEqual(repeats.after(lost, 0), { waitMs: 50 });
});

test("a deadline that is over says what was last heard, and that a commit is in doubt", () => {
  const repeats = new Repeats({ name: "Commit", decides: true, transactionId: "tx" }, 100, whole);
  const detail = ErrorDetail.fromPartial({ reason: Reason.OUTCOME_PENDING, nextAction: NextAction.RETRY_SAME });
  repeats.after({ ...lost, detail }, 0);
  const step = repeats.after({ code: "DEADLINE_EXCEEDED", message: "over" }, 100);
  assert.ok("raise" in step && step.raise instanceof DeadlineExceededError);
  assert.equal(step.raise.inDoubt, true);
  assert.equal(step.raise.reason, "OUTCOME_PENDING");
  assert.equal(step.raise.transactionId, "tx");
});

test("what is not to be repeated is raised at once", () => {
  const detail = ErrorDetail.fromPartial({ reason: Reason.TIMED_OUT, nextAction: NextAction.BEGIN_AGAIN });
  const step = new Repeats({ name: "Commit", decides: true }, 1000).after({ code: "ABORTED", message: "", detail }, 0);
  assert.ok("raise" in step);
  assert.equal(step.raise.kind, "aborted");
});
