package sidecommit

import (
	"context"
	"errors"
)

// Run calls work in a transaction, and commits it if work returns nil. If that ends with [ErrAborted] it calls work again in a new
// transaction, after a pause, up to 5 times in all; see [WithAttempts]. Every other error of work or of the commit aborts and is
// returned as it is. work must do nothing that may not be done twice but through its transaction.
func (c *Client) Run(ctx context.Context, work func(ctx context.Context, txn *Txn) error, options ...RunOption) (Committed, error) {
	var o callOptions
	for _, option := range options {
		option.run(&o)
	}
	return again(ctx, &o, func(ctx context.Context) (Committed, error) {
		return c.scope(ctx, &o, work)
	})
}

// scope is one attempt.
func (c *Client) scope(ctx context.Context, o *callOptions, work func(context.Context, *Txn) error) (Committed, error) {
	txn, err := c.begin(ctx, o)
	if err != nil {
		return Committed{}, err
	}
	// Also if work panics. It aborts unless the commit was asked; the error that counts is the one that led here.
	reason := "the application panicked"
	defer func() { _ = txn.close(reason) }()
	if err := work(ctx, txn); err != nil {
		reason = err.Error()
		return Committed{}, err
	}
	committed, err := txn.Commit(ctx)
	if err != nil {
		reason = err.Error()
	}
	return committed, err
}

// again tries until it ends with something else than ErrAborted.
func again[T any](ctx context.Context, o *callOptions, try func(context.Context) (T, error)) (T, error) {
	attempts := o.attempts
	if attempts == 0 {
		attempts = defaultAttempts
	}
	var pauses backoff
	for attempt := 1; ; attempt++ {
		done, err := try(ctx)
		if !errors.Is(err, ErrAborted) || attempt >= attempts {
			return done, err
		}
		if o.onRetry != nil {
			if stop := o.onRetry(ctx, attempt, err); stop != nil {
				return done, stop
			}
		}
		// What is certain is the better answer: nothing of it is visible.
		if sleep(ctx, pauses.next(0)) != nil {
			return done, err
		}
	}
}
