package sidecommit

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "sidecommit.dev/go/sidecommitv1"
)

// RejectError is a failure of a handler that further attempts cannot mend; see [Reject].
type RejectError struct{ Err error }

// Reject has a handler give its record up: it goes to the dead-letter topic without further attempts.
func Reject(err error) error { return &RejectError{err} }

func (e *RejectError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RejectError) Unwrap() error { return e.Err }

// RecordError is a failure of one record of a batch; see [FailedAt].
type RecordError struct {
	Offset int64
	Err    error
}

// FailedAt has a batch handler say which record failed; several of them are joined by errors.Join. Without it the whole batch has
// failed and comes again in halves.
func FailedAt(record ConsumedRecord, err error) error { return &RecordError{record.Offset, err} }

func (e *RecordError) Error() string { return fmt.Sprintf("offset %d: %v", e.Offset, e.Err) }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// PanicError is a panic of a handler.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is where.
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// What the sidecar keeps of a failure.
const (
	failureClass   = 255
	failureMessage = 1024
)

// failures of a delivery that an error of its handler tells of.
func failures(deliveryID string, err error) []*pb.DeliveryFailure {
	named := recordFailures(deliveryID, err, false)
	if len(named) == 0 {
		return []*pb.DeliveryFailure{failure(deliveryID, err)}
	}
	return named
}

// recordFailures are those of records that are named, also in joined errors. rejected: what is around the error says so.
func recordFailures(deliveryID string, err error, rejected bool) []*pb.DeliveryFailure {
	switch e := err.(type) {
	case nil:
		return nil
	case *RecordError:
		f := failure(deliveryID, e.Err)
		f.Offset = proto.Int64(e.Offset)
		f.Retryable = f.Retryable && !rejected
		return []*pb.DeliveryFailure{f}
	case *RejectError:
		return recordFailures(deliveryID, e.Err, true)
	case interface{ Unwrap() []error }:
		var out []*pb.DeliveryFailure
		for _, joined := range e.Unwrap() {
			out = append(out, recordFailures(deliveryID, joined, rejected)...)
		}
		return out
	}
	return recordFailures(deliveryID, errors.Unwrap(err), rejected)
}

func failure(deliveryID string, err error) *pb.DeliveryFailure {
	return &pb.DeliveryFailure{
		DeliveryId: deliveryID,
		Retryable:  !isReject(err),
		ErrorClass: cut(fmt.Sprintf("%T", root(err)), failureClass),
		Message:    cut(err.Error(), failureMessage),
	}
}

func isReject(err error) bool {
	var reject *RejectError
	return errors.As(err, &reject)
}

// root is what the error says went wrong, without what was wrapped around it.
func root(err error) error {
	for {
		cause := errors.Unwrap(err)
		if cause == nil {
			return err
		}
		err = cause
	}
}

// isRefusedRecord tells whether the sidecar refused one of the records, and which.
func isRefusedRecord(err error) (int64, bool) {
	var refused *Error
	if errors.As(err, &refused) && refused.Kind == KindBadRequest && refused.RecordIndex >= 0 {
		return refused.RecordIndex, true
	}
	return 0, false
}
