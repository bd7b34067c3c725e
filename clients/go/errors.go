package sidecommit

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"sidecommit.dev/go/sidecommitv1"
)

// Reason is why the sidecar refused or aborted; docs/errors.md has a row for each.
type Reason = sidecommitv1.Reason

// NextAction is what the sidecar says to do after a refusal.
type NextAction = sidecommitv1.NextAction

// Kind is what an application does about an [*Error].
type Kind int

const (
	// KindOther is none of the others: look at Code and Reason.
	KindOther Kind = iota
	// KindAborted: nothing of the transaction is visible; begin again. Run does.
	KindAborted
	// KindBadRequest: the same request would be refused again; correct it.
	KindBadRequest
	// KindNeedsHuman: neither repeating nor beginning again helps.
	KindNeedsHuman
	// KindDeadlineExceeded: the context ended, or the client was closed, before there was an outcome. Repeat the call, or ask Outcome if it is InDoubt.
	KindDeadlineExceeded
)

// Errors to compare with by errors.Is, one for each kind.
var (
	ErrAborted          = errors.New("aborted: begin again")
	ErrBadRequest       = errors.New("bad request: correct it")
	ErrNeedsHuman       = errors.New("needs a human")
	ErrDeadlineExceeded = errors.New("no outcome within the deadline")
)

// ErrClosed is what calls get of a transaction that was committed, aborted or closed before, or of a client that was closed.
var ErrClosed = errors.New("sidecommit: closed")

var sentinels = [...]error{
	KindAborted:          ErrAborted,
	KindBadRequest:       ErrBadRequest,
	KindNeedsHuman:       ErrNeedsHuman,
	KindDeadlineExceeded: ErrDeadlineExceeded,
}

// Error is a call that the sidecar refused, or that had no outcome in time.
type Error struct {
	// Kind is what to do about it.
	Kind Kind
	// Call is the RPC, e.g. "Commit".
	Call string
	// Code is gRPC's.
	Code codes.Code
	// Reason is the sidecar's; 0 if a gRPC library made the status.
	Reason Reason
	// NextAction is what the sidecar, or the table of error.proto, says to do.
	NextAction NextAction
	// Message is for people.
	Message string
	// RecordIndex is the index in the transaction of the record to blame; -1: none.
	RecordIndex int64
	// NextSequence is how many of the transaction's records the sidecar has; -1: it did not say.
	NextSequence int64
	// Limit is the limit run into; nil: none.
	Limit *Limit
	// Coordinate is where to look in Kafka after OUTCOME_UNKNOWN; else nil.
	Coordinate *Coordinate
	// TransactionID is the transaction's; empty if it has none, or none that is known.
	TransactionID string
	// InDoubt, only of KindDeadlineExceeded: the call may have done its work. Repeat the same call, or ask Outcome; do not begin again.
	InDoubt bool
	// Err is the cause: the gRPC status, or the context's error.
	Err error
}

// Limit is a setting of the sidecar and what the request would have made of it.
type Limit struct {
	Setting       string
	Limit, Actual int64
}

// Coordinate is a place in a Kafka log. An Offset of -1 is not known.
type Coordinate struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Error says what was refused, why, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sidecommit: %s", e.Call)
	if e.TransactionID != "" {
		fmt.Fprintf(&b, " of transaction %s", e.TransactionID)
	}
	switch {
	case e.Kind == KindDeadlineExceeded && e.InDoubt:
		fmt.Fprintf(&b, ": %v, the outcome is in doubt: repeat the call or ask Outcome", e.Err)
	case e.Kind == KindDeadlineExceeded:
		fmt.Fprintf(&b, ": %v before an answer", e.Err)
	case e.Reason != 0:
		b.WriteString(": " + ReasonName(e.Reason))
	default:
		b.WriteString(": " + e.Code.String())
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.RecordIndex >= 0 {
		fmt.Fprintf(&b, " (record %d)", e.RecordIndex)
	}
	if e.Coordinate != nil {
		fmt.Fprintf(&b, " (look at %s[%d]@%d)", e.Coordinate.Topic, e.Coordinate.Partition, e.Coordinate.Offset)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether the target is the sentinel of the error's kind.
func (e *Error) Is(target error) bool {
	return e.Kind != KindOther && int(e.Kind) < len(sentinels) && target == sentinels[e.Kind]
}

// ReasonName is a reason as docs/errors.md and the sidecar's metrics have it, e.g. "TIMED_OUT_IDLE".
func ReasonName(r Reason) string { return strings.TrimPrefix(r.String(), "REASON_") }

// ActionName is a next action as docs/errors.md has it, e.g. "BEGIN_AGAIN".
func ActionName(a NextAction) string { return strings.TrimPrefix(a.String(), "NEXT_ACTION_") }
