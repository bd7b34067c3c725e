package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"

	"sidecommit.dev/go"
)

// viaSidecar makes large transactions by Run, and small ones by Transact.
type viaSidecar struct {
	client *sidecommit.Client
	topic  string
	name   string
	// counts the transactions of each worker: their keys.
	counts [callers]int
}

func newSidecommit(ctx context.Context, topic string) (*viaSidecar, error) {
	client, err := sidecommit.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := client.WaitReady(ctx); err != nil {
		return nil, err
	}
	return &viaSidecar{client: client, topic: topic, name: rand.Text()}, nil
}

func (v *viaSidecar) transaction(ctx context.Context, worker int, values [][]byte) error {
	if len(values) == 1 {
		v.counts[worker]++
		key := fmt.Sprintf("%s-%d-%d", v.name, worker, v.counts[worker])
		_, err := v.client.Transact(ctx, key, []sidecommit.Record{{Topic: v.topic, Value: values[0]}})
		return err
	}
	_, err := v.client.Run(ctx, func(ctx context.Context, txn *sidecommit.Txn) error {
		for _, value := range values {
			if err := txn.Produce(ctx, sidecommit.Record{Topic: v.topic, Value: value}); err != nil {
				return err
			}
		}
		return nil
	}, sidecommit.WithAttempts(1))
	return err
}

func (v *viaSidecar) close() {
	if err := v.client.Close(); err != nil {
		log.Print(err)
	}
}
