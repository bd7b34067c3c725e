package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func up(args []string) error {
	fs := flag.NewFlagSet("up", flag.ExitOnError)
	dir := fs.String("dir", "", "state directory, made if absent (default: a new temporary one); keep it short, it holds a unix socket")
	port := fs.Int("port", 0, "kube-apiserver port (0: a free one)")
	withKCM := fs.Bool("controllers", true, "start kube-controller-manager")
	withSched := fs.Bool("scheduler", true, "start kube-scheduler")
	nodes := fs.Int("nodes", 1, "fake nodes, that mark scheduled Pods Running and Ready (none with --runner)")
	runner := runnerFlags(fs)
	lifeline := fs.Bool("stdin-lifeline", false, "stop when standard input closes (for a test that owns this process)")
	feature := fs.String("feature-gates", "", "feature gates for all components")
	mutating := fs.Bool("mutating-admission-policy", false, "serve MutatingAdmissionPolicy, which 1.34 has behind a gate")
	extra := fs.String("apiserver-args", "", "more kube-apiserver flags, space separated")
	extraKCM := fs.String("controller-manager-args", "", "more kube-controller-manager flags, space separated")
	wait := fs.Duration("wait", 2*time.Minute, "longest wait for readiness")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *runner.on {
		*nodes = 0
	}
	start := time.Now()

	if *dir == "" {
		d, err := os.MkdirTemp("", "kt-")
		if err != nil {
			return err
		}
		*dir = d
	} else if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	d, err := filepath.Abs(*dir)
	if err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(d, name) }
	os.Remove(at("ready"))
	if *port == 0 {
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	server := fmt.Sprintf("https://127.0.0.1:%d", *port)
	if err := writePKI(d, server); err != nil {
		return err
	}

	// Pdeathsig follows the thread that forked, so this one must live as long as the children.
	runtime.LockOSThread()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	type exit struct {
		name string
		err  error
	}
	exited := make(chan exit, 8)
	var procs []*os.Process
	defer func() {
		for i := len(procs) - 1; i >= 0; i-- {
			procs[i].Kill()
			procs[i].Wait()
		}
	}()
	pids := &strings.Builder{}
	fmt.Fprintf(pids, "up %d\n", os.Getpid())
	launch := func(name string, args ...string) error {
		log, err := os.Create(at(name + ".log"))
		if err != nil {
			return err
		}
		defer log.Close()
		cmd := exec.Command(self, append([]string{name}, args...)...)
		cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, d
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			return err
		}
		procs = append(procs, cmd.Process)
		fmt.Fprintf(pids, "%s %d\n", name, cmd.Process.Pid)
		go func() { exited <- exit{name, cmd.Wait()} }()
		return os.WriteFile(at("pids"), []byte(pids.String()), 0o600)
	}

	// etcd: unix sockets only, nothing listens on the network, no fsync (the data is thrown away).
	sock := "unix://" + at("etcd.sock")
	peer := "unix://" + at("peer.sock")
	if err := launch("etcd", "--name=kt", "--data-dir="+at("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+sock, "--listen-peer-urls="+peer,
		// Advertised URLs must have the form host:port (a socket's path is refused); with one member nobody dials them.
		"--advertise-client-urls=http://127.0.0.1:2", "--initial-advertise-peer-urls=http://127.0.0.1:1",
		"--initial-cluster=kt=http://127.0.0.1:1"); err != nil {
		return err
	}
	gates := []string{}
	if *mutating {
		*feature = strings.TrimPrefix(*feature+",MutatingAdmissionPolicy=true", ",")
		*extra += " --runtime-config=admissionregistration.k8s.io/v1beta1=true"
	}
	if *feature != "" {
		gates = append(gates, "--feature-gates="+*feature)
	}
	api := append([]string{
		"--etcd-servers=" + sock,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", *port),
		"--endpoint-reconciler-type=none", // 127.0.0.1 is not a valid Endpoints address
		"--tls-cert-file=" + at("apiserver.crt"), "--tls-private-key-file=" + at("apiserver.key"),
		"--client-ca-file=" + at("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + at("sa.pub"), "--service-account-signing-key-file=" + at("sa.key"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--service-cluster-ip-range=127.1.0.0/16", // loopback: a process here can listen on a Service's ClusterIP
		"--allow-privileged=true", "--profiling=false",
	}, gates...)
	api = append(api, strings.Fields(*extra)...)
	if err := launch("kube-apiserver", api...); err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if *lifeline {
		go func() { io.Copy(io.Discard, os.Stdin); stop() }()
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", at("kubeconfig"))
	if err != nil {
		return err
	}
	cfg.QPS, cfg.Burst = -1, -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	waitFor := func(what string, ok func(context.Context) bool) error {
		deadline := time.After(*wait)
		for {
			if ok(ctx) {
				fmt.Fprintf(os.Stderr, "kubetest: %s after %.2fs\n", what, time.Since(start).Seconds())
				return nil
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case e := <-exited:
				return fmt.Errorf("%s exited (%v): see %s", e.name, e.err, at(e.name+".log"))
			case <-deadline:
				return fmt.Errorf("not in time: %s; logs are in %s", what, d)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	ready := func(ctx context.Context) bool {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Timeout(5 * time.Second).DoRaw(ctx)
		return err == nil
	}
	if err := waitFor("kube-apiserver /readyz", ready); err != nil {
		return err
	}
	if *withKCM {
		if err := launch("kube-controller-manager", append([]string{
			"--kubeconfig=" + at("kcm.kubeconfig"), "--leader-elect=false",
			"--bind-address=127.0.0.1", "--secure-port=0",
			"--use-service-account-credentials=true", // Pods come from system:serviceaccount:kube-system:statefulset-controller etc.
			"--service-account-private-key-file=" + at("sa.key"), "--root-ca-file=" + at("ca.crt"),
			"--cluster-signing-cert-file=" + at("ca.crt"), "--cluster-signing-key-file=" + at("ca.key"),
			"--kube-api-qps=500", "--kube-api-burst=1000", "--profiling=false",
		}, append(gates, strings.Fields(*extraKCM)...)...)...); err != nil {
			return err
		}
	}
	if *withSched {
		if err := launch("kube-scheduler", append([]string{
			"--kubeconfig=" + at("scheduler.kubeconfig"), "--leader-elect=false",
			"--bind-address=127.0.0.1", "--secure-port=0",
			"--kube-api-qps=500", "--kube-api-burst=1000", "--profiling=false",
		}, gates...)...); err != nil {
			return err
		}
	}
	for i := 0; i < *nodes; i++ {
		go fakeNode(ctx, client, fmt.Sprintf("fake-%d", i))
	}
	if *withKCM {
		if err := waitFor("default service account", func(ctx context.Context) bool {
			_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
			return err == nil
		}); err != nil {
			return err
		}
	}
	first := "fake-0"
	if *runner.on {
		first = "runner-0"
		if err := launch("podrunner", runner.args(at("kubeconfig"), d)...); err != nil {
			return err
		}
	}
	if *withKCM && (*nodes > 0 || *runner.on) {
		if err := waitFor("node "+first+" schedulable", func(ctx context.Context) bool {
			n, err := client.CoreV1().Nodes().Get(ctx, first, metav1.GetOptions{})
			return err == nil && len(n.Spec.Taints) == 0
		}); err != nil {
			return err
		}
	}
	if err := os.WriteFile(at("ready"), []byte(server+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Printf("KUBECONFIG=%s\n", at("kubeconfig"))
	select {
	case <-ctx.Done():
		return nil
	case e := <-exited:
		return errors.New(e.name + " exited: see " + at(e.name+".log"))
	}
}

func restConfig(path string) (*rest.Config, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err == nil {
		cfg.QPS, cfg.Burst = -1, -1
	}
	return cfg, err
}
