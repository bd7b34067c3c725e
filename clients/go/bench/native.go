package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What 32 callers share.
const poolSize = 8

// native is a pool of transactional producers: a producer has one transaction at a time.
type native struct{ pool chan *kgo.Client }

func newNative(ctx context.Context, topic string, small bool) (*native, error) {
	servers := os.Getenv("BOOTSTRAP_SERVERS")
	if servers == "" {
		return nil, errors.New("BOOTSTRAP_SERVERS is not set")
	}
	size := 1
	if small {
		size = poolSize
	}
	n := &native{pool: make(chan *kgo.Client, size)}
	name := "bench-franz-go-" + rand.Text()
	for i := range size {
		options := append(settings(small),
			kgo.SeedBrokers(strings.Split(servers, ",")...),
			kgo.DefaultProduceTopic(topic),
			kgo.TransactionalID(fmt.Sprintf("%s-%d", name, i)))
		client, err := kgo.NewClient(options...)
		if err != nil {
			return nil, err
		}
		if err := client.Ping(ctx); err != nil {
			return nil, err
		}
		n.pool <- client
	}
	return n, nil
}

func settings(small bool) []kgo.Opt {
	options := []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// Random bytes do not get smaller; snappy by default.
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		// Until the last transaction's markers are written the next one is told CONCURRENT_TRANSACTIONS; it is tried again after 250 ms
		// to 5 s, and 20 ms, by default.
		kgo.RetryBackoffFn(func(tries int) time.Duration {
			return min(10*time.Millisecond<<max(0, min(tries, 8)-1), time.Second)
		}),
		kgo.ConcurrentTransactionsBackoff(5 * time.Millisecond),
		// A partition whose request failed waits for fresh metadata, which is not asked for more often than this: 5 s by default.
		kgo.MetadataMinAge(100 * time.Millisecond),
	}
	if small {
		// One record has nothing to wait for; 10 ms by default.
		return append(options, kgo.ProducerLinger(0))
	}
	return append(options, kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(2*bulkRecords))
}

func (n *native) transaction(ctx context.Context, _ int, values [][]byte) error {
	client := <-n.pool
	defer func() { n.pool <- client }()
	if err := client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var failed kgo.FirstErrPromise
	for _, value := range values {
		client.Produce(ctx, &kgo.Record{Value: value}, failed.Promise())
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (n *native) close() {
	for range cap(n.pool) {
		(<-n.pool).Close()
	}
}
