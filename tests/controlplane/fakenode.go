package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"controlplane/podrunner"
)

func fakeNodeMain(args []string) error {
	fs := flag.NewFlagSet("fake-node", flag.ExitOnError)
	path := fs.String("kubeconfig", "", "kubeconfig")
	name := fs.String("name", "fake-0", "node name")
	if err := fs.Parse(args); err != nil {
		return err
	}
	cfg, err := restConfig(*path)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	fakeNode(ctx, client, *name)
	<-ctx.Done()
	return nil
}

var podIP atomic.Uint32

// fakeNode registers a node, keeps it Ready, and plays the kubelet's part in the API only:
// a Pod bound to it becomes Running and Ready, a Pod being deleted is removed.
func fakeNode(ctx context.Context, client kubernetes.Interface, name string) {
	report := func(what string, err error) {
		if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			fmt.Fprintf(os.Stderr, "kubetest: fake node %s: %s: %v\n", name, what, err)
		}
	}
	podrunner.KeepNode(ctx, client, name, func() bool { return false }, report)
	pods := func(ns string) interface {
		UpdateStatus(context.Context, *corev1.Pod, metav1.UpdateOptions) (*corev1.Pod, error)
		Delete(context.Context, string, metav1.DeleteOptions) error
	} {
		return client.CoreV1().Pods(ns)
	}
	handle := func(o interface{}) {
		p, ok := o.(*corev1.Pod)
		if !ok {
			return
		}
		if p.DeletionTimestamp != nil {
			zero := int64(0)
			report("delete", pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero,
				Preconditions: &metav1.Preconditions{UID: &p.UID}}))
			return
		}
		if p.Status.Phase != corev1.PodPending {
			return
		}
		p = p.DeepCopy()
		runPod(p)
		_, err := pods(p.Namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
		report("pod status", err)
	}
	lw := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll,
		fields.OneTermEqualSelector("spec.nodeName", name))
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{ListerWatcher: lw, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: handle, UpdateFunc: func(_, o interface{}) { handle(o) }}})
	go informer.RunWithContext(ctx)
}

func runPod(p *corev1.Pod) {
	now, yes := metav1.Now(), true
	n := podIP.Add(1)
	p.Status.Phase, p.Status.StartTime = corev1.PodRunning, &now
	p.Status.HostIP = "127.0.0.1"
	p.Status.HostIPs = []corev1.HostIP{{IP: "127.0.0.1"}}
	p.Status.PodIP = fmt.Sprintf("10.244.%d.%d", n>>8&255, n&255)
	p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	running := func(c corev1.Container) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: "fake", ContainerID: "fake://" + string(p.UID) + "/" + c.Name,
			Ready: true, Started: &yes, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}}
	}
	p.Status.InitContainerStatuses, p.Status.ContainerStatuses = nil, nil
	for _, c := range p.Spec.InitContainers {
		s := running(c)
		if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways { // not a native sidecar: it has finished
			s.Started = nil
			s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: now, FinishedAt: now}}
		}
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, s)
	}
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, running(c))
	}
	for _, t := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady, corev1.PodReadyToStartContainers} {
		set := false
		for i := range p.Status.Conditions {
			if p.Status.Conditions[i].Type == t {
				p.Status.Conditions[i].Status, p.Status.Conditions[i].LastTransitionTime, set = corev1.ConditionTrue, now, true
			}
		}
		if !set {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: now})
		}
	}
}
