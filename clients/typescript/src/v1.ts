/**
 * The API as it is generated from proto/sidecommit/v1, for those who want the bare calls.
 *
 * @packageDocumentation
 */
export * from "./generated/sidecommit/v1/consume.js";
export * from "./generated/sidecommit/v1/error.js";
export * from "./generated/sidecommit/v1/transaction.js";
export * from "./generated/sidecommit/v1/types.js";
export { Duration } from "./generated/google/protobuf/duration.js";
