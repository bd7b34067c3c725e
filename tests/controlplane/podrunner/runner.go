// Package podrunner is a small kubelet without container images: it runs the pods of its nodes as processes of this
// machine in namespaces of their own, in the kubelet's order, and tells the API what became of them.
package podrunner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// Options say what a Runner runs, and where.
type Options struct {
	Dir     string            // for pods/, nodes/ and claims/
	Nodes   int               // runner-0, runner-1, ...
	Images  map[string]string // an image's name, and the file that it is
	Backoff time.Duration     // between the second restarts of a container, doubled by each; the kubelet's is 10 s
}

// Runner runs the pods of its nodes.
type Runner struct {
	client  kubernetes.Interface
	dir     string
	images  map[string]string
	backoff time.Duration
	service map[string]string // where the API server is
	spawner *spawner
	events  record.EventRecorder
	ips     atomic.Uint32

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// Run runs pods until ctx ends; then the caller's process has to end too, and all containers with it.
func Run(ctx context.Context, config *rest.Config, o Options) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for name, file := range o.Images {
		if info, err := os.Stat(file); err != nil {
			return fmt.Errorf("image %s: %w", name, err)
		} else if info.IsDir() || info.Mode()&0o111 == 0 {
			return fmt.Errorf("image %s: %s is not an executable file", name, file)
		}
	}
	r := &Runner{client: client, dir: o.Dir, images: o.Images, backoff: o.Backoff, pods: map[types.UID]*pod{}}
	if r.service, err = serviceEnv(config.Host); err != nil {
		return err
	}
	if r.spawner, err = newSpawner(); err != nil {
		return err
	}
	r.events = newRecorder(client)
	if err := r.provide(ctx); err != nil {
		return err
	}
	for i := range o.Nodes {
		name := fmt.Sprintf("runner-%d", i)
		if err := os.MkdirAll(filepath.Join(o.Dir, "nodes", name), 0o755); err != nil {
			return err
		}
		KeepNode(ctx, client, name, func() bool { return r.frozen(name) }, func(what string, err error) {
			if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
				fmt.Fprintf(os.Stderr, "podrunner: node %s: %s: %v\n", name, what, err)
			}
		})
		r.watch(ctx, name)
	}
	<-ctx.Done()
	return nil
}

// watch follows the pods bound to a node.
func (r *Runner) watch(ctx context.Context, node string) {
	var missed atomic.Bool // something happened while the node was frozen
	handle := func(o any) {
		if r.frozen(node) {
			missed.Store(true)
			return
		}
		if p, ok := o.(*corev1.Pod); ok {
			r.observe(ctx, p)
		}
	}
	lw := cache.NewListWatchFromClient(r.client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, fields.OneTermEqualSelector("spec.nodeName", node))
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{ListerWatcher: lw, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: handle, UpdateFunc: func(_, o any) { handle(o) }, DeleteFunc: func(o any) {
			if r.frozen(node) {
				missed.Store(true)
			} else {
				r.forget(o)
			}
		}}})
	go informer.RunWithContext(ctx)
	go func() {
		for ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond)
			if !r.frozen(node) && missed.Swap(false) {
				r.catchUp(ctx, node, store)
			}
		}
	}()
}

// observe takes a pod as the API shows it: a new one is run, an old one told.
func (r *Runner) observe(ctx context.Context, api *corev1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.pods[api.UID]
	if !known {
		if api.Status.Phase == corev1.PodSucceeded || api.Status.Phase == corev1.PodFailed {
			return
		}
		p = newPod(r, api)
		r.pods[api.UID] = p
		go p.run(ctx)
	}
	p.observe(api)
}

func (r *Runner) forget(o any) {
	if last, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = last.Obj
	}
	api, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, known := r.pods[api.UID]; known {
		p.vanished()
		delete(r.pods, api.UID)
	}
}

// catchUp is what a node does when it is back: all that it has not seen.
func (r *Runner) catchUp(ctx context.Context, node string, store cache.Store) {
	there := map[types.UID]bool{}
	for _, o := range store.List() {
		if api, ok := o.(*corev1.Pod); ok {
			there[api.UID] = true
			r.observe(ctx, api)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, p := range r.pods {
		if p.spec.NodeName == node && !there[uid] {
			p.vanished()
			delete(r.pods, uid)
		}
	}
}

// frozen says that a test has cut the node off: a file named so is in its folder. Its processes run on, the API hears
// nothing from it, and it hears nothing from the API.
func (r *Runner) frozen(node string) bool {
	_, err := os.Stat(filepath.Join(r.dir, "nodes", node, "frozen"))
	return err == nil
}

func (r *Runner) untilThawed(ctx context.Context, node string) {
	for r.frozen(node) && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
	}
}

// nextIP is an address of its own for each pod, on which it can listen: all of 127.0.0.0/8 is this machine.
func (r *Runner) nextIP() string {
	n := r.ips.Add(1)
	for n&255 == 0 || n&255 == 255 {
		n = r.ips.Add(1)
	}
	return fmt.Sprintf("127.2.%d.%d", n>>8&255, n&255)
}
