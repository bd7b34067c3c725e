package sidecommit

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "sidecommit.dev/go/sidecommitv1"
)

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
	within, done := bounded(ctx, deadline)
	defer done()
	begun, err := repeat(within, c, rpcBegin, func(ctx context.Context) (*pb.BeginResponse, error) {
		return c.transactions.Begin(ctx, request)
	})
	if err != nil {
		return nil, err
	}
	t := &Txn{client: c, id: begun.GetTransactionId(), requestID: request.RequestId, deadline: deadline}
	var cancel context.CancelFunc
	t.base, cancel = context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(c.base, cancel)
	t.end = func() { forget(); cancel() }
	t.sender = newSender(c.traced(t.base), c.transactions, t.id, deadline)
	c.heart.add(t.id)
	return t, nil
}
