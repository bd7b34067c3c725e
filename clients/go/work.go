package sidecommit

import (
	"context"
	"errors"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

	pb "sidecommit.dev/go/sidecommitv1"
)

// What is larger goes out as a transaction with a stream: a message takes 4 MiB.
const transactBytes = 3 << 20

// made is what a handler made of a delivery, and of which of its records each was made; without origins that is not known.
type made struct {
	records []Record
	origins []int64
}

// worker turns deliveries into transactions.
type worker struct {
	// client repeats without a deadline: a delivery has one of its own. It brings no trace: a delivery has many.
	client          *Client
	base            context.Context
	call            func(context.Context, []ConsumedRecord) (made, error)
	deadLetterTopic string
}

// result is how the work on a delivery ended. All zero: its records come again by themselves.
type result struct {
	*delivery
	// settled records.
	settled int64
	// release: it has to be given back.
	release bool
	// err ends Process.
	err error
}

func newWorker(c *Client, s *Subscription, call func(context.Context, []ConsumedRecord) (made, error), base context.Context) *worker {
	patient := *c
	patient.deadline, patient.propagator = 0, nil
	return &worker{client: &patient, base: base, call: call, deadLetterTopic: s.DeadLetterTopic}
}

// each calls a handler for one record after the other.
func (c *Client) each(handler Handler) func(context.Context, []ConsumedRecord) (made, error) {
	return func(ctx context.Context, in []ConsumedRecord) (made, error) {
		out := made{origins: make([]int64, 0, len(in))}
		for _, record := range in {
			if ctx.Err() != nil {
				return made{}, context.Cause(ctx)
			}
			within := c.extracted(ctx, record.Headers)
			records, err := guarded(func() ([]Record, error) { return handler(within, record) })
			if err == nil {
				err = misfit(records)
			}
			if err != nil {
				return made{}, FailedAt(record, err)
			}
			trace := c.trace(record.Headers)
			for _, r := range records {
				out.records = append(out.records, following(r, trace))
				out.origins = append(out.origins, record.Offset)
			}
		}
		return out, nil
	}
}

// whole calls a handler once.
func (c *Client) whole(handler BatchHandler) func(context.Context, []ConsumedRecord) (made, error) {
	return func(ctx context.Context, in []ConsumedRecord) (made, error) {
		records, err := guarded(func() ([]Record, error) { return handler(ctx, in) })
		if err == nil {
			err = misfit(records)
		}
		out := made{records: records}
		if len(in) == 1 {
			for range records {
				out.origins = append(out.origins, in[0].Offset)
			}
		}
		return out, err
	}
}

// misfit is the failure of a handler that made what protobuf cannot say.
func misfit(records []Record) error {
	if err := validate(rpcTransact, records); err != nil {
		return Reject(err)
	}
	return nil
}

// guarded makes a panic an error: one record must not take the application down with it.
func guarded(call func() ([]Record, error)) (records []Record, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return call()
}

// work calls the handler and settles the delivery.
func (w *worker) work(ctx context.Context, d *delivery) result {
	in := fromDelivery(d.Delivery)
	out, err := w.call(ctx, in)
	if ctx.Err() != nil {
		// Given up, or not finished in time: that is nobody's failure.
		return result{delivery: d, release: true}
	}
	if err != nil {
		w.log(d, in, err)
		return w.fail(d, failures(d.GetDeliveryId(), err))
	}
	err = w.settle(d, out.records)
	index, refused := isRefusedRecord(err)
	switch {
	case err == nil:
		return result{delivery: d, settled: int64(len(in))}
	case comesAgainUnlessSettled(err):
		return result{delivery: d, release: true}
	case refused && w.deadLetterTopic != "":
		w.log(d, in, err)
		return w.fail(d, refusals(d.GetDeliveryId(), out.origins, index, err))
	}
	return result{delivery: d, release: true, err: err}
}

// settle commits what was made together with the delivery.
func (w *worker) settle(d *delivery, records []Record) error {
	size := 0
	for i := range records {
		size += recordSize(&records[i])
	}
	ids := []string{d.GetDeliveryId()}
	if size <= transactBytes {
		request := &pb.TransactRequest{IdempotencyKey: ids[0], Records: toRecords(records), DeliveryIds: ids}
		_, err := w.client.transact(w.base, request, &callOptions{attempts: 1})
		return err
	}
	_, err := w.client.Run(w.base, func(ctx context.Context, txn *Txn) error {
		if err := txn.Settle(ctx, ids...); err != nil {
			return err
		}
		return txn.Produce(ctx, records...)
	}, WithRequestID(ids[0]), WithAttempts(1))
	return err
}

// fail tells the sidecar what failed, in a transaction that holds the delivery and is aborted.
func (w *worker) fail(d *delivery, failures []*pb.DeliveryFailure) result {
	err := w.blame(d, failures)
	if comesAgainUnlessSettled(err) {
		return result{delivery: d, release: true}
	}
	return result{delivery: d, err: err}
}

// comesAgainUnlessSettled tells whether to give the delivery back is right: its transaction is aborted; or it is forgotten, as after a lost
// journal, and the offsets, which are in the same transaction, tell where to read on.
func comesAgainUnlessSettled(err error) bool {
	var refused *Error
	forgotten := errors.As(err, &refused) && refused.Reason == pb.Reason_REASON_OUTCOME_FORGOTTEN
	return forgotten || errors.Is(err, ErrAborted)
}

func (w *worker) blame(d *delivery, failures []*pb.DeliveryFailure) error {
	txn, err := w.client.Begin(w.base)
	if err != nil {
		return err
	}
	defer func() { _ = txn.Close() }()
	if err := txn.Settle(w.base, d.GetDeliveryId()); err != nil {
		return err
	}
	reason := cut(failures[0].GetMessage(), failureMessage)
	return txn.abort(w.base, &pb.AbortRequest{TransactionId: txn.ID(), Reason: reason, Failures: failures})
}

// refusals blame the record of which the refused one was made. If that is not known the delivery comes again in halves.
func refusals(deliveryID string, origins []int64, index int64, err error) []*pb.DeliveryFailure {
	f := failure(deliveryID, err)
	var refused *Error
	if errors.As(err, &refused) {
		f.ErrorClass = ReasonName(refused.Reason)
	}
	if index < int64(len(origins)) {
		f.Offset, f.Retryable = proto.Int64(origins[index]), false
	}
	return []*pb.DeliveryFailure{f}
}

func (w *worker) log(d *delivery, in []ConsumedRecord, err error) {
	attributes := []any{"topic", d.GetTopic(), "partition", d.GetPartition(),
		"first_offset", in[0].Offset, "records", len(in), "attempt", in[0].Attempt, "error", err}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		attributes = append(attributes, "stack", string(panicked.Stack))
	}
	w.client.logger.Warn("sidecommit: processing failed", attributes...)
}
