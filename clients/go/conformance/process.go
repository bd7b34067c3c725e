package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"sidecommit.dev/go"
)

// process is one that goes on in the background.
type process struct {
	cancel  context.CancelFunc
	asked   chan struct{}
	stopped chan struct{}
	settled int64
	err     error
}

var errPoison = errors.New("poison")

func (d *driver) process(c *command) {
	ctx, cancel := context.WithCancel(d.ctx)
	p := &process{cancel: cancel, asked: make(chan struct{}), stopped: make(chan struct{})}
	d.running = p
	d.answer(c.ID, fields{}, nil, nil)
	go func() {
		defer cancel()
		subscription := sidecommit.Subscription{
			Group:           c.GroupID,
			Topics:          c.Topics,
			MaxAttempts:     c.MaxAttempts,
			Backoff:         ms(c.BackoffMS),
			DeadLetterTopic: c.DeadLetterTopic,
			MaxRecords:      c.MaxRecords,
		}
		if c.Batch {
			p.settled, p.err = d.client.ProcessBatch(ctx, subscription, c.batch)
		} else {
			p.settled, p.err = d.client.Process(ctx, subscription, c.each)
		}
		select {
		case <-p.asked:
		default:
			d.ended(c, p)
		}
		close(p.stopped)
	}()
}

// ended tells of a process that ended without being asked to.
func (d *driver) ended(c *command, p *process) {
	event := fields{"event": "stopped", "settled": p.settled}
	if p.err != nil {
		event["error"] = described(p.err)
	}
	d.line(c.ID, event)
}

func (d *driver) stop() (fields, error) {
	p := d.running
	if p == nil {
		return nil, errors.New("nothing is running")
	}
	d.running = nil
	close(p.asked)
	p.cancel()
	<-p.stopped
	return fields{"settled": p.settled}, p.err
}

func (c *command) each(ctx context.Context, in sidecommit.ConsumedRecord) ([]sidecommit.Record, error) {
	if c.Poison != nil && bytes.Equal(in.Value, c.Poison) {
		return nil, errPoison
	}
	headers := []sidecommit.Header{{Name: "driver", Value: []byte(os.Getenv("SIDECOMMIT_DRIVER"))}}
	for _, h := range in.Headers {
		// The trace is the client's to pass on.
		if !slices.Contains(propagation.TraceContext{}.Fields(), h.Name) {
			headers = append(headers, h)
		}
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		headers = append(headers, sidecommit.Header{Name: "seen-traceparent", Value: []byte(span.TraceID().String())})
	}
	return []sidecommit.Record{{Topic: c.Output, Key: in.Key, Value: in.Value, Headers: headers}}, nil
}

func (c *command) batch(ctx context.Context, in []sidecommit.ConsumedRecord) ([]sidecommit.Record, error) {
	var out []sidecommit.Record
	for _, record := range in {
		made, err := c.each(ctx, record)
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	return out, nil
}
