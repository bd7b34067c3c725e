/**
 * Kafka transactions, exactly once, through the Sidecommit sidecar.
 *
 * {@link connect} is where to begin.
 *
 * @packageDocumentation
 */
export type { AgainOptions } from "./again.js";
export type { BeginOptions } from "./begin.js";
export { Client, connect, type ConnectOptions, type Processing, type Ran, type RunOptions } from "./client.js";
export { DEFAULT_ADDRESS } from "./core/address.js";
export type { NextAction, Reason, ServingState, TransactionState } from "./core/names.js";
export type { DeliveriesOptions } from "./deliveries.js";
export { ConsumedRecord, Delivery } from "./delivery.js";
export {
  AbortedError,
  BadRequestError,
  DeadlineExceededError,
  NeedsHumanError,
  RejectError,
  SidecommitError,
  type ErrorFields,
  type ErrorKind,
} from "./errors.js";
export type { Coordinate, LimitExceeded } from "./generated/sidecommit/v1/error.js";
export type { Outcome, OutcomeOptions, TransactionName } from "./outcome.js";
export type { ProcessOptions } from "./process.js";
export type { GroupOffset, GroupOffsets, HeadersInit, PartitionRange, ProducerRecord } from "./records.js";
export type { CallOptions } from "./rpc/repeat.js";
export type { ServerInfo, ServerLimits } from "./server.js";
export type { SubscriptionOptions } from "./subscription.js";
export type { TransactOptions } from "./transact.js";
export { Transaction, type Committed, type FailedRecord } from "./transaction.js";
export { json, text, type Bytes, type Decoder, type Encoder } from "./values.js";
export type { BatchHandler, Handler, HandlerContext, HandlerOptions, Output } from "./work.js";
