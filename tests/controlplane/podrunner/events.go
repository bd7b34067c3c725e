package podrunner

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/reference"
)

func newRecorder(client kubernetes.Interface) record.EventRecorder {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"})
}

// event is the kubelet's way to say something about a pod or one of its containers.
func (p *pod) event(container, kind, reason, format string, args ...any) {
	p.mu.Lock()
	api := p.api
	p.mu.Unlock()
	field := ""
	if container != "" {
		field = "spec.containers{" + container + "}"
		for _, c := range p.inits {
			if c.spec.Name == container {
				field = "spec.initContainers{" + container + "}"
			}
		}
	}
	about, err := reference.GetPartialReference(scheme.Scheme, api, field)
	if err != nil {
		p.log("event %s: %v", reason, err)
		return
	}
	p.runner.events.Event(about, kind, reason, fmt.Sprintf(format, args...))
}
