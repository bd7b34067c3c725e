// Command conformance is the Go client behind the line protocol of tests/conformance.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"sidecommit.dev/go"
	"sidecommit.dev/go/sidecommitotel"
)

// driver is the state between commands.
type driver struct {
	output
	// ctx is the caller's: it has the trace of the last context command.
	ctx    context.Context
	client *sidecommit.Client
	// commands are read while one is executed; resume has the continues.
	commands chan command
	resume   chan struct{}
	// running is the process that goes on, if there is one.
	running *process
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("conformance: ")
	terminated, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	d := &driver{
		ctx:      context.Background(),
		commands: make(chan command, 100),
		resume:   make(chan struct{}, 100),
	}
	go d.read(os.Stdin)
	for {
		select {
		case c, more := <-d.commands:
			if !more {
				d.finish()
				return
			}
			d.execute(c)
		case <-terminated.Done():
			// It has heard the signal, too.
			d.finish()
			return
		}
	}
}

// finish ends what goes on.
func (d *driver) finish() {
	if d.running != nil {
		d.running.cancel()
		<-d.running.stopped
	}
	if d.client != nil {
		if err := d.client.Close(); err != nil {
			log.Print(err)
		}
	}
}

func (d *driver) read(in io.Reader) {
	defer close(d.commands)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var c command
			if err := json.Unmarshal(line, &c); err != nil {
				log.Fatalf("%v: %s", err, line)
			}
			if c.Op == "continue" {
				d.resume <- struct{}{}
			} else {
				d.commands <- c
			}
		}
		if err != nil {
			return
		}
	}
}

func (d *driver) execute(c command) {
	switch c.Op {
	case "connect":
		ok, err := d.connect(&c)
		d.answer(c.ID, ok, err, nil)
	case "transaction":
		d.transaction(&c)
	case "transact":
		done, err := d.client.Transact(d.ctx, c.Key, c.records(), c.transactOptions()...)
		d.answer(c.ID, committed(done), err, nil)
	case "outcome":
		ok, err := d.outcome(&c)
		d.answer(c.ID, ok, err, nil)
	case "process":
		d.process(&c)
	case "stop":
		ok, err := d.stop()
		d.answer(c.ID, ok, err, nil)
	case "context":
		d.ctx = propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": c.Traceparent})
		d.answer(c.ID, fields{}, nil, nil)
	default:
		d.answer(c.ID, nil, fmt.Errorf("no such op: %q", c.Op), nil)
	}
}

func (d *driver) connect(c *command) (fields, error) {
	if d.client != nil {
		if err := d.client.Close(); err != nil {
			return nil, err
		}
	}
	options := []sidecommit.ConnectOption{sidecommitotel.Tracing()}
	if c.DeadlineMS > 0 {
		options = append(options, sidecommit.WithDeadline(ms(c.DeadlineMS)))
	}
	client, err := sidecommit.Connect(d.ctx, options...)
	if err != nil {
		return nil, err
	}
	d.client = client
	if err := client.WaitReady(d.ctx); err != nil {
		return nil, err
	}
	info, err := client.ServerInfo(d.ctx)
	if err != nil {
		return nil, err
	}
	return fields{"version": info.GetVersion(), "identity": info.GetIdentity()}, nil
}

func (d *driver) outcome(c *command) (fields, error) {
	name := sidecommit.ByTransactionID(c.TransactionID)
	switch {
	case c.RequestID != "":
		name = sidecommit.ByRequestID(c.RequestID)
	case c.Key != "":
		name = sidecommit.ByIdempotencyKey(c.Key)
	}
	ctx, cancel := d.within(c)
	defer cancel()
	ask := d.client.State
	if c.Wait {
		ask = d.client.Outcome
	}
	outcome, err := ask(ctx, name)
	if err != nil {
		return nil, err
	}
	ok := fields{"state": stateName(outcome.State), "record_count": outcome.Records, "ranges": ranges(outcome.Ranges)}
	if outcome.Reason != 0 {
		ok["reason"] = sidecommit.ReasonName(outcome.Reason)
	}
	return ok, nil
}

// within is for calls that have no option for their deadline.
func (d *driver) within(c *command) (context.Context, context.CancelFunc) {
	if c.DeadlineMS == 0 {
		return d.ctx, func() {}
	}
	return context.WithTimeout(d.ctx, ms(c.DeadlineMS))
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
