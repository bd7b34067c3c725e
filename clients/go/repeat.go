package sidecommit

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"
)

// repeat makes a call until it has an outcome or the context ends.
func repeat[T any](ctx context.Context, c *Client, call rpc, attempt func(context.Context) (T, error)) (T, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	ctx = c.traced(ctx)
	var pauses backoff
	var last *Error
	for {
		answer, err := attempt(ctx)
		if err == nil {
			return answer, nil
		}
		var none T
		v := judge(call, err)
		if !v.repeats() {
			return none, v.Error
		}
		if ctx.Err() != nil {
			return none, outOfTime(call, context.Cause(ctx), last)
		}
		if c.base.Err() != nil {
			return none, outOfTime(call, ErrClosed, last)
		}
		last = v.Error
		if err := sleep(ctx, pauses.next(v.delay)); err != nil {
			return none, outOfTime(call, err, last)
		}
	}
}

// bounded gives a context that has no deadline the client's.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return bounded(ctx, c.deadline)
}

func bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has || d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// traced adds the caller's trace to a call's metadata.
func (c *Client) traced(ctx context.Context) context.Context {
	if c.propagator == nil {
		return ctx
	}
	var pairs []string
	c.propagator.Inject(ctx, func(name, value string) { pairs = append(pairs, name, value) })
	if len(pairs) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// sleep returns why the context ended, if it did before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
