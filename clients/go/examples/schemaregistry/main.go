// Command schemaregistry writes values as Confluent's schema registry wants them, here of Protobuf. The schema's id is what
// the registry answered to POST /subjects/credits-value/versions: schemaregistry -schema-id 7. The codec reads them, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	sidecommit "sidecommit.dev/go"
	"sidecommit.dev/go/examples/transferpb"
)

func main() {
	id := flag.Uint("schema-id", 1, "the id that the registry gave the schema")
	flag.Parse()
	credits := sidecommit.Topic[string, *transferpb.Transfer]{
		Name: "credits",
		Key:  sidecommit.Text{},
		Value: framed[*transferpb.Transfer]{
			id:      uint32(*id),
			message: []int64{0},
			inner:   transferpb.Codec[transferpb.Transfer, *transferpb.Transfer]{},
		},
	}
	ctx := context.Background()
	client, err := sidecommit.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	credit, err := credits.Record("bob", &transferpb.Transfer{Account: "bob", Amount: 500})
	if err != nil {
		log.Fatal(err)
	}
	committed, err := client.Transact(ctx, "schemaregistry-example", []sidecommit.Record{credit})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("committed %d records: % x\n", committed.Count(), credit.Value)
}
