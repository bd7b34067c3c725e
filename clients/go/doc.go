// Package sidecommit makes Kafka transactions through the Sidecommit sidecar: records and consumer offsets become visible to
// read_committed readers together, once, or not at all.
//
//   - [Client.Run] makes a transaction of what a function produces, and begins again where that is what to do.
//   - [Client.Transact] does the same in one call, under an idempotency key that survives restarts of the application.
//   - [Client.Process] reads topics, calls a handler, and commits what it returns together with the offsets.
//   - [Client.Begin] is a transaction by hand.
//
// Every call is repeated until it has an outcome or its context ends; a context without a deadline gets the client's, see
// [WithDeadline]. A restart of the sidecar is a pause, not an error, unless it cost the transaction. Errors of the sidecar are
// [*Error]; errors.Is with [ErrAborted], [ErrBadRequest], [ErrNeedsHuman] and [ErrDeadlineExceeded] says what to do.
//
// All methods of [Client] and [Txn] may be called by several goroutines.
package sidecommit
