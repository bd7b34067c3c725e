// Command bench measures transactions by this client, and by franz-go.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

const (
	bulkRecords = 10_000
	bulkSize    = 1000
	smallSize   = 100
	callers     = 32
)

// contender makes transactions of records that have these values.
type contender interface {
	// transaction is called by one goroutine at a time for each worker, from 0 on.
	transaction(ctx context.Context, worker int, values [][]byte) error
	close()
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) < 3 {
		log.Fatal("usage: bench sidecommit|native bulk|small --topic T --seconds S")
	}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	topic := flags.String("topic", "", "where to write")
	seconds := flags.Float64("seconds", 5, "how long to measure")
	if err := flags.Parse(os.Args[3:]); err != nil || *topic == "" {
		log.Fatal("want --topic")
	}
	window := time.Duration(*seconds * float64(time.Second))
	if err := run(context.Background(), os.Args[1], os.Args[2], *topic, window); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, who, what, topic string, window time.Duration) error {
	measure := bulk
	switch what {
	case "bulk":
	case "small":
		measure = small
	default:
		return fmt.Errorf("no such measurement: %s", what)
	}
	var c contender
	var err error
	switch who {
	case "sidecommit":
		c, err = newSidecommit(ctx, topic)
	case "native":
		c, err = newNative(ctx, topic, what == "small")
	default:
		err = fmt.Errorf("no such contender: %s", who)
	}
	if err != nil {
		return err
	}
	defer c.close()
	figures, err := measure(ctx, c, window)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures)
}
