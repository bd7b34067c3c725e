package sidecommit

import (
	"slices"
	"testing"

	pb "sidecommit.dev/go/sidecommitv1"
)

func came(id string, partition int32) *pb.Delivery {
	return &pb.Delivery{DeliveryId: id, Topic: "t", Partition: partition}
}

// begin takes deliveries of partitions 0, 1, ... and begins what can be begun.
func begin(d *deliveries, ids ...string) []*delivery {
	for i, id := range ids {
		d.take(came(id, int32(i)))
	}
	return started(d)
}

func started(d *deliveries) []*delivery {
	var out []*delivery
	for next := d.next(); next != nil; next = d.next() {
		next.cancel = func() {}
		out = append(out, next)
	}
	return out
}

func TestCreditIsForWhatCanBeWorkedOn(t *testing.T) {
	d := newDeliveries(3)
	d.opened(false)
	if n := d.grant(); n != 3 {
		t.Errorf("granted %d, want 3", n)
	}
	work := begin(d, "a", "b")
	if n := d.grant(); n != 0 {
		t.Errorf("granted %d with 2 at work and 1 asked for", n)
	}
	d.done(work[0])
	if n := d.grant(); n != 1 {
		t.Errorf("granted %d after one was done, want 1", n)
	}
}

func TestAResumedStreamHasNoCredit(t *testing.T) {
	d := newDeliveries(3)
	d.opened(false)
	d.grant()
	begin(d, "a")
	d.opened(true)
	if n := d.grant(); n != 2 {
		t.Errorf("granted %d with 1 at work, want 2", n)
	}
}

func TestWhatIsToldAgainIsNotWorkedOnTwice(t *testing.T) {
	d := newDeliveries(2)
	d.opened(false)
	work := begin(d, "a")
	d.opened(true)
	d.done(work[0])
	// It was on its way when the work was done.
	if !d.take(came("a", 0)) {
		t.Error("it is given back")
	}
	if again := started(d); len(again) != 0 {
		t.Error("it is worked on again")
	}
}

func TestWhatWasLostWithTheStreamIsWorkedOn(t *testing.T) {
	d := newDeliveries(2)
	d.opened(false)
	d.grant()
	d.opened(true)
	if work := begin(d, "never seen"); len(work) != 1 {
		t.Error("it is not worked on")
	}
}

func TestANewSessionMakesAllVoid(t *testing.T) {
	d := newDeliveries(1)
	d.opened(false)
	d.take(came("working", 0))
	d.take(came("waiting", 1))
	work := d.next()
	cancelled := false
	work.cancel = func() { cancelled = true }
	d.opened(false)
	if !work.void || !cancelled {
		t.Errorf("void %v, cancelled %v", work.void, cancelled)
	}
	d.done(work)
	if d.next() != nil {
		t.Error("what waited is worked on")
	}
	if n := d.grant(); n != 1 {
		t.Errorf("granted %d, want 1", n)
	}
}

func TestOfEachPartitionOneIsWorkedOn(t *testing.T) {
	d := newDeliveries(4)
	d.opened(false)
	first := begin(d, "old")[0]
	d.revoke("old")
	d.take(came("new", 0))
	if d.next() != nil {
		t.Error("two of a partition")
	}
	d.done(first)
	if next := d.next(); next == nil || next.GetDeliveryId() != "new" {
		t.Error("the new one does not begin")
	}
}

func TestNoMoreThanTheLimitAreWorkedOn(t *testing.T) {
	d := newDeliveries(2)
	d.opened(false)
	if work := begin(d, "a", "b", "c"); len(work) != 2 {
		t.Errorf("%d are worked on", len(work))
	}
}

func TestAStopGivesBackWhatIsNotWorkedOn(t *testing.T) {
	d := newDeliveries(1)
	d.opened(false)
	work := begin(d, "a", "b", "c")
	if back := d.stop(); !slices.Equal(back, []string{"b", "c"}) {
		t.Errorf("given back: %v", back)
	}
	if d.take(came("late", 3)) {
		t.Error("what comes later is kept")
	}
	if d.grant() != 0 {
		t.Error("more is asked for")
	}
	if !d.working() {
		t.Error("the work is forgotten")
	}
	d.done(work[0])
	if d.working() {
		t.Error("the work does not end")
	}
}
