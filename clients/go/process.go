package sidecommit

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Handler makes of a record the records to write: none, one or many. An error is a failed attempt of the record; see [Reject]. Its
// context ends when the record is no longer this application's: then its work is for nothing.
type Handler func(ctx context.Context, in ConsumedRecord) ([]Record, error)

// BatchHandler makes of consecutive records of a partition the records to write. An error fails the whole batch, which comes again in
// halves, unless it says which record it is about; see [FailedAt].
type BatchHandler func(ctx context.Context, in []ConsumedRecord) ([]Record, error)

// Process reads topics, calls the handler, and commits what it returns together with the offsets: what it reads and what it writes
// happen together, once, or not at all. Several partitions are worked on at a time, each in order.
//
// It goes on, also through restarts of the sidecar, until ctx ends or SIGTERM or SIGINT comes. Then nothing new is begun, what is
// worked on is finished (within the client's deadline), the rest is given back, and it returns how many records it settled. It ends by
// an error if the sidecar refuses the subscription or what a handler made, or needs a human. A record that the sidecar refuses counts
// as a failure of the record that it was made of, if there is a dead-letter topic.
func (c *Client) Process(ctx context.Context, subscription Subscription, handler Handler) (int64, error) {
	return c.process(ctx, &subscription, c.each(handler))
}

// ProcessBatch is Process with all records of a delivery at once; see [Subscription].MaxRecords.
func (c *Client) ProcessBatch(ctx context.Context, subscription Subscription, handler BatchHandler) (int64, error) {
	return c.process(ctx, &subscription, c.whole(handler))
}

var (
	errRevoked = errors.New("the delivery was revoked")
	errStopped = errors.New("stopped before it was done")
)

// How long a stream that is over may take to end.
const hangUpPatience = 5 * time.Second

// processor is one Process. Its fields are those of its loop.
type processor struct {
	client       *Client
	subscription *Subscription
	worker       *worker
	deliveries   *deliveries
	results      chan result
	// streams is the context of Consume streams, base that of all work, which abandon ends.
	streams context.Context
	base    context.Context
	abandon context.CancelCauseFunc

	sessionID string
	// stream is nil between two; started: its session is.
	stream  *consumeStream
	started bool
	pauses  backoff
	reopen  <-chan time.Time
	late    <-chan time.Time

	settled int64
	fatal   error
}

func (c *Client) process(ctx context.Context, subscription *Subscription, call func(context.Context, []ConsumedRecord) (made, error)) (int64, error) {
	stop, ignore := ctx, func() {}
	if !subscription.NoSignals {
		stop, ignore = signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	}
	defer ignore()
	streams := context.WithoutCancel(ctx)
	base, abandon := context.WithCancelCause(streams)
	defer abandon(nil)
	p := &processor{
		client:       c,
		subscription: subscription,
		worker:       newWorker(c, subscription, call, base),
		deliveries:   newDeliveries(subscription.concurrency()),
		results:      make(chan result),
		streams:      streams,
		base:         base,
		abandon:      abandon,
	}
	p.open()
	stopping, closed := stop.Done(), c.base.Done()
	for !p.over() {
		select {
		case <-closed:
			closed = nil
			p.fail(ErrClosed)
			p.abandon(ErrClosed)
		case <-stopping:
			// A second signal is not for this.
			ignore()
			stopping = nil
			p.stop()
		case said := <-p.hears():
			p.hear(said)
		case r := <-p.results:
			p.took(r)
		case <-p.reopen:
			p.open()
		case <-p.late:
			p.abandon(errStopped)
		}
		p.proceed()
	}
	p.hangUp()
	return p.settled, p.fatal
}

// over tells whether there is nothing left to do.
func (p *processor) over() bool { return p.deliveries.stopped && !p.deliveries.working() }

// hears is what the stream tells, if there is one.
func (p *processor) hears() <-chan told {
	if p.stream == nil {
		return nil
	}
	return p.stream.told
}

func (p *processor) open() {
	p.reopen = nil
	p.stream = p.client.consume(p.streams, p.subscription, p.sessionID)
}

// hangUp ends the stream when the sidecar has heard all that was said.
func (p *processor) hangUp() {
	switch {
	case p.started:
		p.stream.hangUp(hangUpPatience)
	case p.stream != nil:
		p.stream.cancel()
	}
}

// stop begins nothing new.
func (p *processor) stop() {
	for _, id := range p.deliveries.stop() {
		p.release(id)
	}
	if p.late == nil && p.client.deadline > 0 {
		p.late = time.After(p.client.deadline)
	}
}

func (p *processor) release(id string) {
	if p.started {
		p.stream.release(id)
	}
}

// hear takes what the stream told.
func (p *processor) hear(said told) {
	switch {
	case said.err != nil:
		p.broke(said.err)
	case said.GetSessionStarted() != nil:
		p.sessionID = said.GetSessionStarted().GetSessionId()
		p.started = true
		p.pauses.reset()
		p.deliveries.opened(said.GetSessionStarted().GetResumed())
	case said.GetDelivery() != nil:
		if !p.deliveries.take(said.GetDelivery()) {
			p.release(said.GetDelivery().GetDeliveryId())
		}
	case said.GetRevoked() != nil:
		for _, id := range said.GetRevoked().GetDeliveryIds() {
			p.deliveries.revoke(id)
		}
	}
	// Assigned and Idle need nothing; a Refused is of a delivery that was void.
}

// broke takes the end of a stream.
func (p *processor) broke(err error) {
	v := judge(rpcConsume, err)
	if p.started {
		p.client.logger.Info("sidecommit: the Consume stream ended", "group", p.subscription.Group, "error", v.Error)
	}
	p.stream.cancel()
	p.stream, p.started = nil, false
	switch v.Kind {
	case KindBadRequest, KindNeedsHuman:
		p.fail(v.Error)
		return
	case KindAborted:
		p.sessionID = ""
		p.deliveries.opened(false)
	}
	p.reopen = time.After(p.pauses.next(v.delay))
}

// fail ends all by an error, once what is worked on is done.
func (p *processor) fail(err error) {
	if p.fatal == nil {
		p.fatal = err
	}
	p.stop()
}

// took takes the end of the work on a delivery.
func (p *processor) took(r result) {
	p.deliveries.done(r.delivery)
	p.settled += r.settled
	if r.err != nil {
		p.fail(r.err)
	}
	if r.release && !r.delivery.void {
		p.release(r.delivery.GetDeliveryId())
	}
}

// proceed begins what can be begun, and asks for more.
func (p *processor) proceed() {
	for d := p.deliveries.next(); d != nil; d = p.deliveries.next() {
		ctx, cancel := context.WithCancelCause(p.base)
		d.cancel = func() { cancel(errRevoked) }
		go func() {
			defer cancel(nil)
			p.results <- p.worker.work(ctx, d)
		}()
	}
	if !p.started {
		return
	}
	if n := p.deliveries.grant(); n > 0 {
		p.stream.credit(n)
	}
}
