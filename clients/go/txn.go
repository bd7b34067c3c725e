package sidecommit

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

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
	// asked: its commit or abort was. over: it has an outcome.
	asked, over bool
}

// Begin begins a transaction. Its caller commits it, and defers Close.
func (c *Client) Begin(ctx context.Context, options ...BeginOption) (*Txn, error) {
	var o callOptions
	for _, option := range options {
		option.begin(&o)
	}
	return c.begin(ctx, &o)
}

func (c *Client) begin(ctx context.Context, o *callOptions) (*Txn, error) {
	request := &pb.BeginRequest{RequestId: o.requestID, Label: o.label, OrderingKey: o.orderingKey}
	if request.RequestId == "" {
		request.RequestId = uuid()
	}
	if o.timeout > 0 {
		request.Timeout = durationpb.New(o.timeout)
	}
	deadline := c.deadline
	if o.deadline > 0 {
		deadline = o.deadline
	}
	within, cancel := bounded(ctx, deadline)
	defer cancel()
	begun, err := repeat(within, c, rpcBegin, func(ctx context.Context) (*pb.BeginResponse, error) {
		return c.transactions.Begin(ctx, request)
	})
	if err != nil {
		return nil, err
	}
	t := &Txn{client: c, id: begun.GetTransactionId(), requestID: request.RequestId, deadline: deadline}
	t.base, t.end = context.WithCancel(context.WithoutCancel(ctx))
	t.sender = newSender(c.traced(t.base), c.transactions, t.id, deadline)
	c.heart.add(t.id)
	return t, nil
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
	if t.closed() {
		return ErrClosed
	}
	return t.seen(t.sender.produce(ctx, records))
}

// Flush returns when all records are acknowledged, which is not committed.
func (t *Txn) Flush(ctx context.Context) error {
	if t.closed() {
		return ErrClosed
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
	if t.closed() {
		return ErrClosed
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
	if t.isOver() {
		return Committed{}, ErrClosed
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
	t.finish()
	return Committed{TransactionID: t.id, Ranges: fromRanges(answer.GetRanges())}, nil
}

// Abort aborts: nothing of the transaction will ever be visible. The reason is for people, at most 1024 characters.
func (t *Txn) Abort(ctx context.Context, reason string) error {
	if t.isOver() {
		return ErrClosed
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
		t.finish()
	}
	return err
}

// Close aborts the transaction, unless Commit or Abort was asked before: to be deferred. A failure to abort within 5 s is no harm, the
// sidecar aborts what is idle.
func (t *Txn) Close() error { return t.close("closed without a commit") }

func (t *Txn) close(reason string) error {
	defer t.finish()
	if t.closed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.base, closePatience)
	defer cancel()
	return t.Abort(ctx, reason)
}

// finish lets go of what it has here.
func (t *Txn) finish() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.client.heart.remove(t.id)
	t.end()
}

// closed tells whether it takes nothing more.
func (t *Txn) closed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked || t.over
}

func (t *Txn) isOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over
}

// seen notes if an error is the end of the transaction.
func (t *Txn) seen(err error) error {
	if errors.Is(err, ErrAborted) {
		t.finish()
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
