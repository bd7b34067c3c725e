package main

import (
	"context"
	"time"

	"sidecommit.dev/go"
)

func (d *driver) transaction(c *command) {
	attempt := 0
	work := func(ctx context.Context, txn *sidecommit.Txn) error {
		attempt++
		return d.work(ctx, c, txn, attempt)
	}
	done, err := d.client.Run(d.ctx, work, c.runOptions()...)
	ok := committed(done)
	ok["attempts"] = attempt
	d.answer(c.ID, ok, err, fields{"attempts": attempt})
}

func (d *driver) work(ctx context.Context, c *command, txn *sidecommit.Txn, attempt int) error {
	if err := txn.Produce(ctx, c.records()...); err != nil {
		return err
	}
	if g := c.Generate; g != nil {
		for i := range g.Count {
			if err := txn.Produce(ctx, g.at(i)); err != nil {
				return err
			}
		}
	}
	if c.Offsets != nil {
		if err := txn.SendOffsets(ctx, c.Offsets.group()); err != nil {
			return err
		}
	}
	time.Sleep(ms(c.HoldMS))
	if c.Pause && attempt == 1 {
		if err := txn.Flush(ctx); err != nil {
			return err
		}
		d.line(c.ID, fields{"event": "paused", "transaction_id": txn.ID()})
		<-d.resume
	}
	if c.End == "throw" {
		return errApplication
	}
	return nil
}

func (c *command) runOptions() []sidecommit.RunOption {
	options := []sidecommit.RunOption{sidecommit.WithAttempts(max(1, c.Attempts))}
	if c.RequestID != "" {
		options = append(options, sidecommit.WithRequestID(c.RequestID))
	}
	if c.TimeoutMS > 0 {
		options = append(options, sidecommit.WithTimeout(ms(c.TimeoutMS)))
	}
	if c.DeadlineMS > 0 {
		options = append(options, sidecommit.WithDeadline(ms(c.DeadlineMS)))
	}
	return options
}

func (c *command) transactOptions() []sidecommit.TransactOption {
	options := []sidecommit.TransactOption{sidecommit.WithAttempts(max(1, c.Attempts))}
	if c.FirstAttemptMS > 0 {
		options = append(options, sidecommit.WithFirstAttemptTime(time.UnixMilli(c.FirstAttemptMS)))
	}
	if c.DeadlineMS > 0 {
		options = append(options, sidecommit.WithDeadline(ms(c.DeadlineMS)))
	}
	return options
}
