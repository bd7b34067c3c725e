package podrunner

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func twoSidecars() *corev1.PodSpec {
	always := corev1.ContainerRestartPolicyAlways
	return &corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "first", RestartPolicy: &always}, {Name: "setup"}, {Name: "second", RestartPolicy: &always}},
		Containers:     []corev1.Container{{Name: "a"}, {Name: "b"}},
	}
}

// turn waits for a container's turn in the background.
func turn(o *ordering, name string, grace time.Duration) <-chan struct{} {
	come := make(chan struct{})
	go func() {
		defer close(come)
		o.wait(name, grace, make(chan struct{}))
	}()
	return come
}

func come(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestSidecarsStopAfterApplicationsInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdering(twoSidecars())
		a, second, first := turn(o, "a", time.Minute), turn(o, "second", time.Minute), turn(o, "first", time.Minute)
		if !come(a) || come(second) || come(first) {
			t.Fatal("an application waits for nobody, sidecars wait for it")
		}
		o.hasEnded("a")
		if come(second) {
			t.Fatal("the second sidecar's turn came before both applications had ended")
		}
		o.hasEnded("b")
		if !come(second) || come(first) {
			t.Fatal("the second sidecar's turn is after the applications, and before the first's")
		}
		o.hasEnded("second")
		if !come(first) {
			t.Fatal("the first sidecar's turn is after the second's end")
		}
	})
}

func TestTurnComesWhenTheGracePeriodIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := turn(newOrdering(twoSidecars()), "first", 3*time.Second)
		time.Sleep(2999 * time.Millisecond)
		if come(first) {
			t.Fatal("too early")
		}
		time.Sleep(time.Millisecond)
		if !come(first) {
			t.Fatal("the grace period is over")
		}
	})
}
