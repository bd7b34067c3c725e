package sidecommit

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	pb "sidecommit.dev/go/sidecommitv1"
)

// How long Close tries to abort. If it cannot the sidecar does, when the transaction is idle for too long.
const closePatience = 5 * time.Second

// Txn is an open transaction. While it is open the client keeps it from the sidecar's idle timeout.
type Txn struct {
	client    *Client
	id        string
	requestID string
	deadline  time.Duration
	sender    *sender
	// base has the values of Begin's context, and ends with the transaction.
	base context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	offsets int64
	// asked: its commit or abort was.
	asked bool
	// over is what calls get once it is.
	over error
}

// ID is what the sidecar calls it.
func (t *Txn) ID() string { return t.id }

// RequestID is what it was called by the application: what [WithRequestID] gave, or a random UUID.
func (t *Txn) RequestID() string { return t.requestID }

// Produce queues records and returns; it waits only while 4 MiB or 5,000 records are unacknowledged. The records' bytes are the
// caller's again when it returns. The sidecar's refusal of a record comes out of a later call; then the transaction can only be aborted.
func (t *Txn) Produce(ctx context.Context, records ...Record) error {
	if err := validate(rpcProduce, records); err != nil {
		return err
	}
	if err := t.takes(); err != nil {
		return err
	}
	return t.seen(t.sender.produce(ctx, records))
}

// Flush returns when all records are acknowledged, which is not committed.
func (t *Txn) Flush(ctx context.Context) error {
	if err := t.takes(); err != nil {
		return err
	}
	_, err := t.sender.flush(ctx, false)
	return t.seen(err)
}

// Settle adds deliveries of a Consume stream: its commit settles them.
func (t *Txn) Settle(ctx context.Context, deliveryIDs ...string) error {
	return t.sendOffsets(ctx, &pb.SendOffsetsRequest{TransactionId: t.id, DeliveryIds: deliveryIDs})
}

// SendOffsets adds offsets of the application's own consumer: its commit commits them.
func (t *Txn) SendOffsets(ctx context.Context, offsets GroupOffsets) error {
	return t.sendOffsets(ctx, &pb.SendOffsetsRequest{TransactionId: t.id, GroupOffsets: toGroupOffsets(&offsets)})
}

func (t *Txn) sendOffsets(ctx context.Context, request *pb.SendOffsetsRequest) error {
	if err := t.takes(); err != nil {
		return err
	}
	sent, err := call(ctx, t, rpcSendOffsets, func(ctx context.Context) (*pb.SendOffsetsResponse, error) {
		return t.client.transactions.SendOffsets(ctx, request)
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offsets = max(t.offsets, sent.GetOffsetsCount())
	return nil
}

// Commit waits until all records are acknowledged and commits. When it returns nil they are visible, for good. If its error is InDoubt
// it may be called again.
func (t *Txn) Commit(ctx context.Context) (Committed, error) {
	if err := t.ended(); err != nil {
		return Committed{}, err
	}
	ctx, cancel := bounded(ctx, t.deadline)
	defer cancel()
	for {
		records, err := t.sender.flush(ctx, true)
		if err != nil {
			return Committed{}, t.seen(err)
		}
		committed, err := t.commit(ctx, records)
		var incomplete *Error
		if errors.As(err, &incomplete) && incomplete.Reason == pb.Reason_REASON_INCOMPLETE && t.sender.resend(incomplete.NextSequence) {
			continue
		}
		return committed, err
	}
}

func (t *Txn) commit(ctx context.Context, records int64) (Committed, error) {
	t.mu.Lock()
	t.asked = true
	request := &pb.CommitRequest{
		TransactionId: t.id,
		RecordCount:   proto.Int64(records),
		OffsetsCount:  proto.Int64(t.offsets),
	}
	t.mu.Unlock()
	answer, err := call(ctx, t, rpcCommit, func(ctx context.Context) (*pb.CommitResponse, error) {
		return t.client.transactions.Commit(ctx, request)
	})
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		// A refusal decides: then Close aborts.
		t.asked = errors.Is(err, ErrDeadlineExceeded)
		return Committed{}, err
	}
	t.finish(ErrClosed)
	return Committed{TransactionID: t.id, Ranges: fromRanges(answer.GetRanges())}, nil
}

// Abort aborts: nothing of the transaction will ever be visible. The reason is for people, at most 1024 characters.
func (t *Txn) Abort(ctx context.Context, reason string) error {
	if err := t.ended(); err != nil {
		return err
	}
	return t.abort(ctx, &pb.AbortRequest{TransactionId: t.id, Reason: cut(reason, 1024)})
}

func (t *Txn) abort(ctx context.Context, request *pb.AbortRequest) error {
	t.mu.Lock()
	t.asked = true
	t.mu.Unlock()
	_, err := call(ctx, t, rpcAbort, func(ctx context.Context) (*pb.AbortResponse, error) {
		return t.client.transactions.Abort(ctx, request)
	})
	if err == nil {
		t.finish(ErrClosed)
	}
	return err
}

// Close aborts the transaction, unless Commit or Abort was asked before: to be deferred. A failure to abort within 5 s is no harm, the
// sidecar aborts what is idle.
func (t *Txn) Close() error { return t.close("closed without a commit") }

func (t *Txn) close(reason string) error {
	defer t.finish(ErrClosed)
	if t.takes() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.base, closePatience)
	defer cancel()
	return t.Abort(ctx, reason)
}

// finish lets go of what it has here; calls get the error from now on.
func (t *Txn) finish(over error) {
	t.mu.Lock()
	if t.over == nil {
		t.over = over
	}
	t.mu.Unlock()
	t.client.heart.remove(t.id)
	t.end()
}

// takes is nil while it takes records and offsets.
func (t *Txn) takes() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over == nil && t.asked {
		return ErrClosed
	}
	return t.over
}

// ended is nil while it has no outcome.
func (t *Txn) ended() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over
}

// seen notes if an error is the end of the transaction.
func (t *Txn) seen(err error) error {
	if errors.Is(err, ErrAborted) {
		t.finish(err)
	}
	return err
}

// call repeats a call of the transaction.
func call[T any](ctx context.Context, t *Txn, what rpc, attempt func(context.Context) (T, error)) (T, error) {
	ctx, cancel := bounded(ctx, t.deadline)
	defer cancel()
	answer, err := repeat(ctx, t.client, what, attempt)
	var refused *Error
	if errors.As(err, &refused) {
		refused.TransactionID = t.id
	}
	return answer, t.seen(err)
}
