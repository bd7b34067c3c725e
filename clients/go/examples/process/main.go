// Command process reads the topic debits and writes to ledger, exactly once, until it is told to stop. What cannot be processed goes to
// debits.dead.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	sidecommit "sidecommit.dev/go"
)

// Transfer is money that moves.
type Transfer struct {
	Amount int `json:"amount"`
}

type transfers = sidecommit.Topic[string, Transfer]

var (
	debits = transfers{Name: "debits", Key: sidecommit.Text{}, Value: sidecommit.JSON[Transfer]{}}
	ledger = transfers{Name: "ledger", Key: sidecommit.Text{}, Value: sidecommit.JSON[Transfer]{}}
)

func main() {
	ctx := context.Background()
	client, err := sidecommit.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	subscription := sidecommit.Subscription{
		Group:           "transfers",
		Topics:          []string{debits.Name},
		DeadLetterTopic: "debits.dead",
	}
	settled, err := client.Process(ctx, subscription, debits.Handler(enter))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("settled %d records\n", settled)
}

func enter(_ context.Context, _ sidecommit.ConsumedRecord, account string, debit Transfer) ([]sidecommit.Record, error) {
	if debit.Amount == 0 {
		return nil, sidecommit.Reject(errors.New("nothing was moved"))
	}
	entry, err := ledger.Record(account, debit)
	return []sidecommit.Record{entry}, err
}
