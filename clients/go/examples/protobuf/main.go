// Command protobuf writes Protobuf messages in a transaction to the topics debits and credits.
package main

import (
	"context"
	"fmt"
	"log"

	sidecommit "sidecommit.dev/go"
	"sidecommit.dev/go/examples/transferpb"
)

type transfers = sidecommit.Topic[string, *transferpb.Transfer]

var (
	codec   = transferpb.Codec[transferpb.Transfer, *transferpb.Transfer]{}
	debits  = transfers{Name: "debits", Key: sidecommit.Text{}, Value: codec}
	credits = transfers{Name: "credits", Key: sidecommit.Text{}, Value: codec}
)

func main() {
	ctx := context.Background()
	client, err := sidecommit.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	committed, err := client.Run(ctx, func(ctx context.Context, txn *sidecommit.Txn) error {
		debit, err := debits.Record("alice", &transferpb.Transfer{Account: "alice", Amount: -500})
		if err != nil {
			return err
		}
		credit, err := credits.Record("bob", &transferpb.Transfer{Account: "bob", Amount: 500})
		if err != nil {
			return err
		}
		return txn.Produce(ctx, debit, credit)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("committed %d records\n", committed.Count())
}
