import { DeadlineExceededError, type SidecommitError } from "../errors.js";
import { backoff } from "./backoff.js";
import { errorFields, isRepeat, nextAction, refusal, type Failure } from "./judge.js";

/** What a call is, as far as its repeats are concerned. */
export interface Subject {
  /** For people: what is done, e.g. `Commit`. */
  readonly name: string;
  /** Whether it decides a transaction (Commit, Transact, Abort): without an answer its outcome is in doubt. */
  readonly decides?: boolean;
  readonly transactionId?: string | undefined;
}

/** Either the error to raise, or how long to wait before the call is made again. */
export type Step = { readonly raise: SidecommitError } | { readonly waitMs: number };

/** Decides, failure by failure, whether a call is repeated. Times are in milliseconds of any one clock. */
export class Repeats {
  readonly #subject: Subject;
  readonly #deadlineMs: number;
  readonly #random: () => number;
  #made = 0;
  #last: Failure | undefined;

  constructor(subject: Subject, deadlineMs: number, random: () => number = Math.random) {
    this.#subject = subject;
    this.#deadlineMs = deadlineMs;
    this.#random = random;
  }

  /** What to do after a failure. */
  after(failure: Failure, nowMs: number): Step {
    const action = nextAction(failure, this.#subject.decides === true);
    if (!isRepeat(action)) {
      return { raise: refusal(failure, action, this.#subject.transactionId) };
    }
    // The call's own deadline says less than what the sidecar said before.
    if (this.#last === undefined || failure.detail !== undefined) {
      this.#last = failure;
    }
    if (nowMs >= this.#deadlineMs) {
      return { raise: this.expired() };
    }
    this.#made += 1;
    const waitMs = failure.retryAfterMs ?? backoff(this.#made, this.#random);
    return { waitMs: Math.min(waitMs, this.#deadlineMs - nowMs) };
  }

  /** Something went well meanwhile: pauses begin anew. */
  progressed(): void {
    this.#made = 0;
    this.#last = undefined;
  }

  /** The error when the deadline is over. */
  expired(): DeadlineExceededError {
    const { name, decides = false, transactionId } = this.#subject;
    const failure = this.#last ?? { code: "DEADLINE_EXCEEDED", message: "no answer" };
    const fields = errorFields(failure, nextAction(failure, decides), transactionId);
    const outcome = decides ? "; its outcome is in doubt: repeat the call, or ask getOutcome" : "";
    const message = `${name}: deadline exceeded (${fields.reason ?? fields.code}: ${failure.message})${outcome}`;
    return new DeadlineExceededError(message, { ...fields, inDoubt: decides });
  }
}
