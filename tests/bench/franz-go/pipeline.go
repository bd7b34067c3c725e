package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// Joining a group and finding its offsets takes a while.
	joinPatience = 60 * time.Second
	// Input that is there comes sooner.
	inputPatience = 3 * time.Second
)

// pipeline copies from topic to topic in upper case, exactly once. What a poll returns is a transaction.
type pipeline struct {
	session *kgo.GroupTransactSession
	o       options
}

func runPipeline(ctx context.Context, o options) (string, error) {
	id, err := uniqueName()
	if err != nil {
		return "", err
	}
	opts := append(settings(o, id),
		kgo.ConsumerGroup(o.group),
		kgo.ConsumeTopics(o.input),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// A copy has its original's partition.
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	session, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		return "", err
	}
	p := &pipeline{session: session, o: o}
	// Joining the group is not what is measured, and so not even part of the warm-up.
	first, err := p.poll(ctx, joinPatience)
	if err == nil && len(first) == 0 {
		err = errors.New("nothing to copy")
	}
	if err == nil {
		err = p.copy(ctx, first)
	}
	if err != nil {
		return "", err
	}
	w := newWindow(o)
	work, end := context.WithCancelCause(ctx)
	var worker sync.WaitGroup
	worker.Go(func() {
		if err := p.work(work, w); err != nil {
			end(err)
		}
	})
	figures, err := measured(w, work, end, &worker)
	if err == nil {
		session.Close()
	}
	return figures, err
}

// work copies until the window is over, or the input is.
func (p *pipeline) work(ctx context.Context, w *window) error {
	for {
		records, err := p.poll(ctx, inputPatience)
		if err != nil {
			return err
		}
		began := time.Now()
		if w.isOverAt(began) {
			return nil
		}
		if len(records) == 0 {
			fmt.Fprintln(os.Stderr, "franz-go: the input ended before the window did")
			return nil
		}
		if err := p.copy(ctx, records); err != nil {
			return err
		}
		w.count(began, began, len(records))
	}
}

// poll returns nothing only if nothing came for so long.
func (p *pipeline) poll(ctx context.Context, patience time.Duration) ([]*kgo.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetches := p.session.PollRecords(ctx, p.o.records)
	for _, failed := range fetches.Errors() {
		if !errors.Is(failed.Err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("poll %s[%d]: %w", failed.Topic, failed.Partition, failed.Err)
		}
	}
	return fetches.Records(), nil
}

func (p *pipeline) copy(ctx context.Context, records []*kgo.Record) error {
	if err := p.session.Begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var failed kgo.FirstErrPromise
	for _, r := range records {
		upper := &kgo.Record{Topic: p.o.topic, Partition: r.Partition, Key: r.Key, Value: upperCase(r.Value)}
		p.session.Produce(ctx, upper, failed.Promise())
	}
	// End flushes too, but commits the offsets only afterwards: what is produced has to be known to be there before.
	if err := p.session.Client().Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	committed, err := p.session.End(ctx, kgo.TryCommit)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if !committed {
		// With a rebalance it is begun again; here nobody else is in the group, so figures with one would be of something else.
		return errors.New("the group rebalanced: aborted")
	}
	return nil
}

// upperCase knows ASCII only: values need not be UTF-8. In place, since nobody else has the value.
func upperCase(value []byte) []byte {
	for i, b := range value {
		if 'a' <= b && b <= 'z' {
			value[i] = b - ('a' - 'A')
		}
	}
	return value
}
