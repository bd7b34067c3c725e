// Upsert-sink keeps the last price of each product in a database, whatever of it, its sidecar and the database is killed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	sidecommit "sidecommit.dev/go"
)

// A row changes only by a record that is newer than the one that it is from.
const upsert = `
INSERT INTO prices AS known (product, cents, source, position) VALUES ($1, $2, $3, $4)
ON CONFLICT (product) DO UPDATE SET cents = excluded.cents, position = excluded.position
WHERE known.source = excluded.source AND known.position < excluded.position`

const whence = `SELECT source FROM prices WHERE product = $1`

type price struct {
	Cents int64 `json:"cents"`
}

type sink struct {
	database *pgxpool.Pool
}

// handle has nothing to write to Kafka: its transaction has the record's offset only. An error has the record come again.
func (s sink) handle(ctx context.Context, in sidecommit.ConsumedRecord, product string, value price) ([]sidecommit.Record, error) {
	// A record without a value deletes the price, and the row stays: its position is what older records are compared with.
	var cents *int64
	if in.Value != nil {
		cents = &value.Cents
	}
	from := source(in)
	done, err := s.database.Exec(ctx, upsert, product, cents, from, in.Offset)
	if err != nil {
		return nil, err
	}
	if done.RowsAffected() == 0 {
		return nil, s.unchanged(ctx, in, product, from)
	}
	return nil, nil
}

// unchanged tells why: the record came before, or its position cannot be compared with that of its row.
func (s sink) unchanged(ctx context.Context, in sidecommit.ConsumedRecord, product, from string) error {
	var known string
	if err := s.database.QueryRow(ctx, whence, product).Scan(&known); err != nil {
		return err
	}
	if known != from {
		return fmt.Errorf("%s is from %s, not from %s: see README.md, where it ends", product, known, from)
	}
	log.Printf("not newer: %s", in.IdempotencyKey)
	return nil
}

// source is cluster, topic and partition: the record's key without the offset.
func source(in sidecommit.ConsumedRecord) string {
	return in.IdempotencyKey[:strings.LastIndexByte(in.IdempotencyKey, '/')]
}

func run(ctx context.Context) error {
	database, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer database.Close()
	client, err := sidecommit.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	prices := sidecommit.Topic[string, price]{
		Name: os.Getenv("TOPIC"), Key: sidecommit.Text{}, Value: sidecommit.JSON[price]{},
	}
	subscription := sidecommit.Subscription{
		Group:           os.Getenv("GROUP_ID"),
		Topics:          []string{prices.Name},
		GroupInstanceID: os.Getenv("POD_NAME"),
		MaxRecords:      50,
	}
	_, err = client.Process(ctx, subscription, prices.Handler(sink{database}.handle))
	return err
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
