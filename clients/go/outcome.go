package sidecommit

import (
	"context"

	pb "sidecommit.dev/go/sidecommitv1"
)

// State is what a transaction is doing. Committed, aborted and unknown are final.
type State = pb.TransactionState

// The states of a transaction.
const (
	StateOpen       = pb.TransactionState_TRANSACTION_STATE_OPEN
	StateCommitting = pb.TransactionState_TRANSACTION_STATE_COMMITTING
	StateInDoubt    = pb.TransactionState_TRANSACTION_STATE_IN_DOUBT
	StateAborting   = pb.TransactionState_TRANSACTION_STATE_ABORTING
	StateCommitted  = pb.TransactionState_TRANSACTION_STATE_COMMITTED
	StateAborted    = pb.TransactionState_TRANSACTION_STATE_ABORTED
	// StateUnknown: Kafka can no longer tell; a person has to look.
	StateUnknown = pb.TransactionState_TRANSACTION_STATE_UNKNOWN
)

// Name is one of the names that a transaction has.
type Name func(*pb.GetTransactionRequest)

// ByTransactionID is the name that Begin, and errors, gave it.
func ByTransactionID(id string) Name {
	return func(r *pb.GetTransactionRequest) { r.By = &pb.GetTransactionRequest_TransactionId{TransactionId: id} }
}

// ByRequestID is the name that was given to Begin, see [WithRequestID].
func ByRequestID(id string) Name {
	return func(r *pb.GetTransactionRequest) { r.By = &pb.GetTransactionRequest_RequestId{RequestId: id} }
}

// ByIdempotencyKey is the name that was given to Transact.
func ByIdempotencyKey(key string) Name {
	return func(r *pb.GetTransactionRequest) {
		r.By = &pb.GetTransactionRequest_IdempotencyKey{IdempotencyKey: key}
	}
}

// Outcome is what became of a transaction.
type Outcome struct {
	TransactionID string
	State         State
	// Reason is why it was aborted or is unknown; 0: neither.
	Reason Reason
	// Records and Offsets that were accepted.
	Records, Offsets int64
	// Ranges are as in [Committed]; only once committed.
	Ranges []Range
}

// Outcome waits until a transaction is committed, aborted or unknown, and says which. A transaction that was never begun is
// [ErrAborted], of one that the sidecar no longer remembers it is [ErrNeedsHuman].
//
// After a call that is InDoubt rather repeat that call, with the same key or id. Never begun is until now: a call that was cut off may still
// be on its way to a sidecar that stands still, so it is no leave to begin again under another name.
func (c *Client) Outcome(ctx context.Context, name Name) (Outcome, error) {
	return c.outcome(ctx, name, true)
}

// State says what a transaction is doing now, without waiting for its outcome.
func (c *Client) State(ctx context.Context, name Name) (Outcome, error) {
	return c.outcome(ctx, name, false)
}

func (c *Client) outcome(ctx context.Context, name Name, wait bool) (Outcome, error) {
	request := &pb.GetTransactionRequest{Wait: wait}
	name(request)
	answer, err := repeat(ctx, c, rpcGetTransaction, func(ctx context.Context) (*pb.GetTransactionResponse, error) {
		return c.transactions.GetTransaction(ctx, request)
	})
	if err != nil {
		return Outcome{}, err
	}
	txn := answer.GetTransaction()
	return Outcome{
		TransactionID: txn.GetTransactionId(),
		State:         txn.GetState(),
		Reason:        txn.GetReason(),
		Records:       txn.GetRecordCount(),
		Offsets:       txn.GetOffsetsCount(),
		Ranges:        fromRanges(txn.GetRanges()),
	}, nil
}
