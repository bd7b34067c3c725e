package sidecommit

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "sidecommit.dev/go/sidecommitv1"
)

// Transact is a whole transaction in one call, the fastest way for small ones. The key, 1 to 128 characters, names the piece of work:
// of all attempts with it at most one is ever committed, and a repeat of that one gets the same answer. After [ErrAborted] it is tried
// again, up to 5 times in all; see [WithAttempts].
func (c *Client) Transact(ctx context.Context, key string, records []Record, options ...TransactOption) (Committed, error) {
	var o callOptions
	for _, option := range options {
		option.transact(&o)
	}
	if err := validate(rpcTransact, records); err != nil {
		return Committed{}, err
	}
	request := &pb.TransactRequest{
		IdempotencyKey: key,
		Records:        toRecords(records),
		DeliveryIds:    o.deliveryIDs,
		OrderingKey:    o.orderingKey,
	}
	for i := range o.offsets {
		request.GroupOffsets = append(request.GroupOffsets, toGroupOffsets(&o.offsets[i]))
	}
	if o.timeout > 0 {
		request.Timeout = durationpb.New(o.timeout)
	}
	return c.transact(ctx, request, &o)
}

func (c *Client) transact(ctx context.Context, request *pb.TransactRequest, o *callOptions) (Committed, error) {
	within, cancel := bounded(ctx, o.deadline)
	defer cancel()
	within, cancelDefault := c.bounded(within)
	defer cancelDefault()
	first := o.firstAttempt
	attempt := func(ctx context.Context) (*pb.TransactResponse, error) {
		// What is sent is not changed any more: gRPC may still be reading it.
		sent := &pb.TransactRequest{
			IdempotencyKey: request.IdempotencyKey,
			Records:        request.Records,
			DeliveryIds:    request.DeliveryIds,
			GroupOffsets:   request.GroupOffsets,
			Timeout:        request.Timeout,
			OrderingKey:    request.OrderingKey,
		}
		if first.IsZero() {
			first = time.Now()
		} else {
			sent.FirstAttemptTime = timestamppb.New(first)
		}
		return c.transactions.Transact(ctx, sent)
	}
	return again(within, o, func(ctx context.Context) (Committed, error) {
		answer, err := repeat(ctx, c, rpcTransact, attempt)
		if err != nil {
			return Committed{}, err
		}
		return Committed{TransactionID: answer.GetTransactionId(), Ranges: fromRanges(answer.GetRanges())}, nil
	})
}
