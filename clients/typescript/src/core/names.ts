import { NextAction as Actions, Reason as Reasons } from "../generated/sidecommit/v1/error.js";
import { ServingState as ServingStates, TransactionState as States } from "../generated/sidecommit/v1/types.js";

/** Why a call was refused or a transaction aborted, as in docs/errors.md. */
export type Reason = keyof typeof Reasons;

/** What a caller does after a refusal. */
export type NextAction = Exclude<keyof typeof Actions, "UNSPECIFIED">;

/** What a transaction is doing. COMMITTED, ABORTED and UNKNOWN are final. */
export type TransactionState = keyof typeof States;

/** Whether the sidecar serves. */
export type ServingState = keyof typeof ServingStates;

/** The name of a reason; undefined: this client does not know it, or there is none. */
export function reasonName(reason: Reasons): Reason | undefined {
  return reason === Reasons.UNSPECIFIED ? undefined : (Reasons[reason] as Reason | undefined);
}

/** The name of an action. Of one that this client does not know it is RETRY_SAME. */
export function actionName(action: Actions): NextAction {
  const name = Actions[action] as keyof typeof Actions | undefined;
  return name === undefined || name === "UNSPECIFIED" ? "RETRY_SAME" : name;
}

/** The name of a transaction's state. A state that this client does not know is UNSPECIFIED. */
export function stateName(state: States): TransactionState {
  return (States[state] as TransactionState | undefined) ?? "UNSPECIFIED";
}

/** The name of a serving state. A state that this client does not know is UNSPECIFIED. */
export function servingName(state: ServingStates): ServingState {
  return (ServingStates[state] as ServingState | undefined) ?? "UNSPECIFIED";
}
