package main

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// settings tunes a producer: small transactions for latency, large ones for throughput.
func settings(o options, transactionalID string) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.servers...),
		kgo.DefaultProduceTopic(o.topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RetryBackoffFn(backoff),
		// A partition whose produce request failed waits for fresh metadata, which is not asked for more often than this: 5 s by default, and
		// so long were the longest of 64 producers' transactions.
		kgo.MetadataMinAge(100 * time.Millisecond),
		// snappy by default: none of the others compresses, and random bytes do not get smaller.
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
	switch o.kind {
	case transactional:
		// Until the last transaction's markers are written the next one is told CONCURRENT_TRANSACTIONS, and waits for so long; 20 ms by
		// default. From Kafka 4.0 on (transaction.version 2) that is true of offsets only: a produce request waits in the broker, for 20 ms.
		opts = append(opts, kgo.TransactionalID(transactionalID), kgo.ConcurrentTransactionsBackoff(5*time.Millisecond))
	case plain:
		// 1 by default; an idempotent producer has 5.
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(5))
	}
	if o.records == 1 {
		// One record has nothing to wait for; 10 ms by default.
		return append(opts, kgo.ProducerLinger(0))
	}
	// Batches fill up to 1 MB, the default and the most that a topic takes by default; what does not fill waits 5 ms at most. A flush ends
	// the wait. Whole transactions fit into the buffer: 50,000 by default.
	return append(opts, kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(max(50_000, 2*o.records)))
}

// backoff is from 10 ms to 1 s; 250 ms to 5 s by default. A produce request waits for it that is told CONCURRENT_TRANSACTIONS after all.
func backoff(tries int) time.Duration {
	return min(10*time.Millisecond<<max(0, min(tries, 8)-1), time.Second)
}
