package podrunner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod is one pod of a node of ours, from its binding to its removal from the API.
type pod struct {
	runner          *Runner
	namespace, name string
	uid             types.UID
	spec            *corev1.PodSpec
	dir, ip         string
	began           metav1.Time
	inits, apps     []*container
	volumes         map[string]volume
	supervisors     sync.WaitGroup

	mu       sync.Mutex
	api      *corev1.Pod // as the API showed it last
	phase    corev1.PodPhase
	sandbox  bool // it has what its containers need
	finished bool // nothing runs any more, nor will

	dirty   chan struct{} // a status wants to be written
	deleted chan struct{} // closed when the API wants it gone
	force   chan struct{} // closed when nothing is waited for any more
	gone    chan struct{} // closed when the API has it no more
	once    struct{ deleted, force, gone sync.Once }
}

func newPod(r *Runner, api *corev1.Pod) *pod {
	p := &pod{runner: r, namespace: api.Namespace, name: api.Name, uid: api.UID, spec: &api.Spec, began: seconds(time.Now()),
		dir: filepath.Join(r.dir, "pods", fmt.Sprintf("%s_%s_%s", api.Namespace, api.Name, api.UID)), ip: r.nextIP(),
		api: api, phase: corev1.PodPending, dirty: make(chan struct{}, 1), deleted: make(chan struct{}), force: make(chan struct{}), gone: make(chan struct{})}
	for i := range api.Spec.InitContainers {
		c := &api.Spec.InitContainers[i]
		kind := initializer
		if isSidecar(c) {
			kind = sidecar
		}
		p.inits = append(p.inits, newContainer(p, c, kind))
	}
	for i := range api.Spec.Containers {
		p.apps = append(p.apps, newContainer(p, &api.Spec.Containers[i], app))
	}
	return p
}

func (p *pod) all() []*container { return append(append([]*container{}, p.inits...), p.apps...) }

// seen is the pod as the API showed it last, with the addresses, which the API may not have yet.
func (p *pod) seen() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	api := p.api.DeepCopy()
	api.Status.PodIP, api.Status.HostIP = p.ip, nodeAddress
	return api
}

// observe takes what the API shows.
func (p *pod) observe(api *corev1.Pod) {
	p.mu.Lock()
	p.api = api
	p.mu.Unlock()
	if api.DeletionTimestamp == nil {
		return
	}
	p.once.deleted.Do(func() { close(p.deleted) })
	if api.DeletionGracePeriodSeconds != nil && *api.DeletionGracePeriodSeconds == 0 {
		p.once.force.Do(func() { close(p.force) })
	}
}

// vanished: it was removed by force, without waiting for us.
func (p *pod) vanished() {
	p.once.force.Do(func() { close(p.force) })
	p.once.deleted.Do(func() { close(p.deleted) })
	p.once.gone.Do(func() { close(p.gone) })
}

// run is the pod's whole life.
func (p *pod) run(ctx context.Context) {
	reported := make(chan struct{})
	stopReports := make(chan struct{})
	go func() {
		defer close(reported)
		p.report(ctx, stopReports)
	}()
	life, stop := context.WithCancel(ctx)
	ended := make(chan corev1.PodPhase, 1)
	go func() { ended <- p.live(life) }()
	var phase corev1.PodPhase
	select {
	case phase = <-ended:
		stop()
		p.terminate(p.graceOfSpec())
	case <-p.deleted:
		stop()
		p.terminate(p.graceOfDeletion())
		if phase = <-ended; phase == "" {
			p.supervisors.Wait()
			phase = p.phaseByExits()
		}
	}
	p.supervisors.Wait() // all ends are in the status
	if err := os.RemoveAll(filepath.Join(p.dir, "volumes")); err != nil {
		p.log("%v", err)
	}
	p.mu.Lock()
	p.phase, p.finished = phase, true
	p.mu.Unlock()
	p.changed()
	select {
	case <-p.deleted:
	case <-ctx.Done():
		return
	}
	close(stopReports)
	<-reported // the last status is written before the pod goes
	p.remove(ctx)
}

// live starts everything and gives back the pod's phase when all applications have ended for good; or "" when the pod
// was stopped.
func (p *pod) live(ctx context.Context) corev1.PodPhase {
	if !p.prepare(ctx) {
		return ""
	}
	for _, c := range p.inits {
		p.supervise(ctx, c)
		switch c.role {
		case sidecar: // the next one starts when this one has
			select {
			case <-c.started:
			case <-ctx.Done():
				return ""
			}
		default:
			<-c.done
			if ctx.Err() != nil {
				return ""
			}
			if c.exitCode() != 0 {
				return corev1.PodFailed
			}
		}
	}
	p.mu.Lock()
	for _, c := range p.apps {
		c.status.State.Waiting.Reason = "ContainerCreating"
	}
	p.mu.Unlock()
	for _, c := range p.apps {
		p.supervise(ctx, c)
		select { // one after the other: the next one waits for this one's postStart
		case <-c.tried:
		case <-ctx.Done():
			return ""
		}
	}
	for _, c := range p.apps {
		<-c.done
	}
	if ctx.Err() != nil {
		return ""
	}
	return p.phaseByExits()
}

func (p *pod) supervise(ctx context.Context, c *container) {
	p.supervisors.Add(1)
	go func() {
		defer p.supervisors.Done()
		c.supervise(ctx)
	}()
}

// prepare makes folders and volumes, for as long as it takes: what they refer to may come later.
func (p *pod) prepare(ctx context.Context) bool {
	p.changed()
	for {
		err := p.makeFolders()
		if err == nil {
			p.volumes, err = p.makeVolumes(ctx)
		}
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return false
		}
		p.event("", corev1.EventTypeWarning, "FailedMount", "%v", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(500 * time.Millisecond): // the kubelet's first back-off
		}
	}
	p.mu.Lock()
	p.sandbox = true
	p.mu.Unlock()
	p.changed()
	go p.keepFresh(ctx, p.volumes)
	return true
}

func (p *pod) makeFolders() error {
	for _, c := range p.all() {
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// terminate ends all that runs, in the kubelet's order.
func (p *pod) terminate(grace time.Duration) {
	order := newOrdering(p.spec)
	var wait sync.WaitGroup
	for _, c := range p.all() {
		c.forbid()
		wait.Add(1)
		go func() {
			defer wait.Done()
			c.stop(grace, order, "Stopping container "+c.spec.Name)
			order.hasEnded(c.spec.Name)
		}()
	}
	wait.Wait()
}

// phaseByExits is the phase of a pod whose containers have ended: native sidecars do not count.
func (p *pod) phaseByExits() corev1.PodPhase {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.all() {
		t := c.status.State.Terminated
		if c.role != sidecar && (t == nil || t.ExitCode != 0) {
			return corev1.PodFailed
		}
	}
	return corev1.PodSucceeded
}

func (p *pod) graceOfSpec() time.Duration {
	if g := p.spec.TerminationGracePeriodSeconds; g != nil {
		return time.Duration(*g) * time.Second
	}
	return 30 * time.Second
}

func (p *pod) graceOfDeletion() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.api.DeletionGracePeriodSeconds; g != nil {
		return time.Duration(*g) * time.Second
	}
	return p.graceOfSpec()
}

func (p *pod) changed() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

func (p *pod) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "podrunner: pod %s/%s: %s\n", p.namespace, p.name, fmt.Sprintf(format, args...))
}
