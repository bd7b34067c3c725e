// Command franz-go is what `make bench` measures the sidecar against: the Go client of that name. Callers are goroutines that share
// producers; README.md beside its folder is the contract of its command line.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "franz-go:", err)
		os.Exit(64)
	}
	work := run
	if o.pipeline {
		work = runPipeline
	}
	figures, err := work(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "franz-go:", err)
		os.Exit(1)
	}
	fmt.Println(figures)
}
