package podrunner

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The kubelet's minimumGracePeriodInSeconds: what a container gets between SIGTERM and SIGKILL even when the pod's
// time is up.
const minimumGrace = 2 * time.Second

// ordering says whose end a container waits for before its SIGTERM: an application for nobody's; a native sidecar for
// all applications' and for those of the native sidecars that started after it. So does the kubelet's
// terminationOrdering.
type ordering struct {
	ended map[string]chan struct{}
	after map[string][]string
}

func newOrdering(spec *corev1.PodSpec) *ordering {
	o := &ordering{ended: map[string]chan struct{}{}, after: map[string][]string{}}
	var before []string
	for _, c := range spec.Containers {
		o.ended[c.Name] = make(chan struct{})
		before = append(before, c.Name)
	}
	for i := len(spec.InitContainers) - 1; i >= 0; i-- {
		c := &spec.InitContainers[i]
		o.ended[c.Name] = make(chan struct{})
		if isSidecar(c) {
			o.after[c.Name] = before[:len(before):len(before)]
			before = append(before, c.Name)
		}
	}
	return o
}

// hasEnded must be said once for every container, also for one that does not run.
func (o *ordering) hasEnded(name string) { close(o.ended[name]) }

// wait returns when it is the container's turn, or when the pod's time is up or force is closed.
func (o *ordering) wait(name string, grace time.Duration, force <-chan struct{}) {
	limit := time.NewTimer(grace)
	defer limit.Stop()
	for _, other := range o.after[name] {
		select {
		case <-o.ended[other]:
		case <-limit.C:
			return
		case <-force:
			return
		}
	}
}

func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}
