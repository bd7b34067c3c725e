package sidecommit

import (
	"context"
	"sync"
	"time"

	pb "sidecommit.dev/go/sidecommitv1"
)

// sender brings the records of a transaction to the sidecar, over one ProduceStream after the other until all are acknowledged.
type sender struct {
	stub     pb.TransactionServiceClient
	id       string
	deadline time.Duration
	// base has the values of the transaction's context, and ends with the transaction.
	base context.Context

	mu     sync.Mutex
	outbox outbox
	// failed is what ended it; refused is why the stream before was ended, until there is an acknowledgement.
	failed  error
	refused *Error
	// running: its goroutine is. last: no more records will come.
	running, last bool
	// wake is for its goroutine; changed is closed when there is news for those who wait.
	wake    chan struct{}
	changed chan struct{}
}

func newSender(base context.Context, stub pb.TransactionServiceClient, id string, deadline time.Duration) *sender {
	return &sender{
		stub: stub, id: id, deadline: deadline, base: base,
		wake: make(chan struct{}, 1), changed: make(chan struct{}),
	}
}

// produce queues records; it waits while the window is full.
func (s *sender) produce(ctx context.Context, records []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range records {
		if s.outbox.full() {
			s.push()
			if err := s.await(ctx, func() bool { return !s.outbox.full() }); err != nil {
				return err
			}
		}
		if s.failed != nil {
			return s.failed
		}
		s.outbox.add(&records[i])
		if s.outbox.ready() {
			s.poke()
		}
	}
	return s.failed
}

// flush waits until all records are acknowledged. The last flush also ends the stream. It returns how many there are.
func (s *sender) flush(ctx context.Context, last bool) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.last || last
	if s.running || !s.outbox.settled() {
		s.push()
	}
	err := s.await(ctx, s.outbox.settled)
	return s.outbox.next, err
}

// resend has the records from the sequence on sent again: false if they are not there any more.
func (s *sender) resend(sequence int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sequence >= 0 && sequence < s.outbox.next && s.outbox.rewind(sequence)
}

// push sends what there is, full message or not. The lock is held.
func (s *sender) push() {
	s.outbox.seal()
	s.poke()
}

// poke tells the goroutine that there is something to do. The lock is held.
func (s *sender) poke() {
	if !s.running {
		s.running = true
		go s.run()
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// await waits, the lock held before and after.
func (s *sender) await(ctx context.Context, done func() bool) error {
	if s.failed != nil || done() {
		return s.failed
	}
	ctx, cancel := bounded(ctx, s.deadline)
	defer cancel()
	for s.failed == nil && !done() {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		case <-s.base.Done():
		}
		s.mu.Lock()
		switch {
		case s.failed != nil || done():
		case ctx.Err() != nil:
			return s.named(outOfTime(rpcProduce, context.Cause(ctx), s.refused))
		case s.base.Err() != nil:
			return ErrClosed
		}
	}
	return s.failed
}

// announce wakes all who wait. The lock is held.
func (s *sender) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *sender) named(e *Error) *Error {
	e.TransactionID = s.id
	return e
}

// run opens a stream, and another one when it breaks, until all is acknowledged or the sidecar refuses.
func (s *sender) run() {
	var pauses backoff
	for {
		before := s.acked()
		ended := s.stream()
		if s.base.Err() != nil {
			return
		}
		if ended == nil {
			if s.rest() {
				return
			}
			continue
		}
		if s.acked() > before {
			pauses.reset()
		}
		v := judge(rpcProduce, ended)
		if s.refuse(v) || sleep(s.base, pauses.next(v.delay)) != nil {
			return
		}
	}
}

func (s *sender) acked() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outbox.acked
}

// rest ends the goroutine, unless there is more to send.
func (s *sender) rest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = !s.outbox.settled()
	return !s.running
}

// refuse takes the end of a stream: true if it is that of the sender.
func (s *sender) refuse(v verdict) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.announce()
	s.refused = s.named(v.Error)
	if v.repeats() && s.outbox.rewind(v.NextSequence) {
		return false
	}
	s.failed = s.refused
	return true
}
