package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// So many different values.
const values = 64

// producer makes one transaction after the other, all alike. One caller at a time has it.
type producer struct {
	client  *kgo.Client
	o       options
	values  [][]byte
	records []kgo.Record
	next    int
}

func newProducer(ctx context.Context, o options, id string) (*producer, error) {
	client, err := kgo.NewClient(settings(o, id)...)
	if err != nil {
		return nil, err
	}
	p := &producer{client: client, o: o, values: make([][]byte, values), records: make([]kgo.Record, o.records)}
	for i := range p.values {
		p.values[i] = make([]byte, o.recordSize)
		if _, err := rand.Read(p.values[i]); err != nil {
			return nil, err
		}
	}
	if err := client.Ping(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *producer) transaction(ctx context.Context) error {
	if p.o.kind != transactional {
		return p.produce(ctx)
	}
	if err := p.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := p.produce(ctx); err != nil {
		return err
	}
	if err := p.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// produce waits until all records are acknowledged.
func (p *producer) produce(ctx context.Context) error {
	var failed kgo.FirstErrPromise
	for i := range p.records {
		// The client is done with the last transaction's.
		p.records[i] = kgo.Record{Value: p.values[p.next%values]}
		p.next++
		p.client.Produce(ctx, &p.records[i], failed.Promise())
	}
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	return nil
}

// run has callers share producers: whoever needs one waits for a free one, in the order of asking.
func run(ctx context.Context, o options) (string, error) {
	name, err := uniqueName()
	if err != nil {
		return "", err
	}
	free := make(chan *producer, o.producers)
	for i := range o.producers {
		p, err := newProducer(ctx, o, fmt.Sprintf("%s-%d", name, i))
		if err != nil {
			return "", fmt.Errorf("producer %d: %w", i, err)
		}
		free <- p
	}
	w := newWindow(o)
	work, end := context.WithCancelCause(ctx)
	var callers sync.WaitGroup
	for range o.callers {
		callers.Go(func() {
			if err := call(work, free, w); err != nil {
				end(err)
			}
		})
	}
	return measured(w, work, end, &callers)
}

// call makes transactions until the window is over.
func call(ctx context.Context, free chan *producer, w *window) error {
	for {
		asked := time.Now()
		p := <-free
		began := time.Now()
		if w.isOverAt(began) || ctx.Err() != nil {
			free <- p
			return nil
		}
		err := p.transaction(ctx)
		if err == nil {
			w.count(asked, began, p.o.records)
		}
		free <- p
		if err != nil {
			return err
		}
	}
}

// measured waits for the workers and prints what there is to print on the way.
func measured(w *window, work context.Context, end context.CancelCauseFunc, workers *sync.WaitGroup) (string, error) {
	go func() {
		workers.Wait()
		end(nil)
	}()
	if err := w.announce(work); err != nil {
		return "", err
	}
	workers.Wait()
	end(nil)
	if err := context.Cause(work); err != context.Canceled {
		return "", err
	}
	return w.json()
}

// uniqueName is what nobody else's transactional ids begin with.
func uniqueName() (string, error) {
	random := make([]byte, 8)
	_, err := rand.Read(random)
	return "bench-franz-go-" + hex.EncodeToString(random), err
}
