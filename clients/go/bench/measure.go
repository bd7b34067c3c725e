package main

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

// figures of what was committed in the window.
type figures struct {
	Records      int     `json:"records"`
	Transactions int     `json:"transactions"`
	Seconds      float64 `json:"seconds"`
}

// values are random bytes, so that nothing compresses them.
func values(n, size int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = make([]byte, size)
		rand.Read(out[i])
	}
	return out
}

// bulk is one transaction after the other, those that begin within the window.
func bulk(ctx context.Context, c contender, window time.Duration) (figures, error) {
	records := values(bulkRecords, bulkSize)
	if err := c.transaction(ctx, 0, records); err != nil {
		return figures{}, err
	}
	var f figures
	began := time.Now()
	for f.Transactions == 0 || time.Since(began) < window {
		if err := c.transaction(ctx, 0, records); err != nil {
			return f, err
		}
		f.Transactions++
		f.Records += len(records)
		f.Seconds = time.Since(began).Seconds()
	}
	return f, nil
}

// small is many callers at a time; those that end within the window count. Before it each has made one.
func small(ctx context.Context, c contender, window time.Duration) (figures, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var warm, done sync.WaitGroup
	start := make(chan time.Time)
	counts := make([]int, callers)
	warm.Add(callers)
	for i := range callers {
		done.Go(func() {
			record := values(1, smallSize)
			if err := c.transaction(ctx, i, record); err != nil {
				cancel(err)
			}
			warm.Done()
			end := (<-start).Add(window)
			for ctx.Err() == nil {
				err := c.transaction(ctx, i, record)
				if time.Now().After(end) {
					return
				}
				if err != nil {
					cancel(err)
					return
				}
				counts[i]++
			}
		})
	}
	warm.Wait()
	began := time.Now()
	for range callers {
		start <- began
	}
	done.Wait()
	f := figures{Seconds: window.Seconds()}
	for _, n := range counts {
		f.Transactions += n
	}
	f.Records = f.Transactions
	return f, context.Cause(ctx)
}
