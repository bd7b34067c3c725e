package main

import (
	"context"
	"flag"
	"fmt"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"controlplane/podrunner"
)

// images is the flag --image NAME=FILE, which may be given again.
type images map[string]string

func (i images) String() string {
	pairs := []string{}
	for name, file := range i {
		pairs = append(pairs, name+"="+file)
	}
	return strings.Join(pairs, ",")
}

func (i images) Set(pair string) error {
	name, file, found := strings.Cut(pair, "=")
	if !found || name == "" || file == "" {
		return fmt.Errorf("%q: NAME=FILE is wanted", pair)
	}
	file, err := filepath.Abs(file)
	i[name] = file
	return err
}

// runnerOptions are the flags that `up` hands through to the podrunner it starts.
type runnerOptions struct {
	on      *bool
	nodes   *int
	backoff *time.Duration
	images  images
}

func runnerFlags(fs *flag.FlagSet) runnerOptions {
	o := runnerOptions{images: images{}}
	o.on = fs.Bool("runner", false, "really run the Pods, as processes of this machine (needs root), instead of fake nodes")
	o.nodes = fs.Int("runner-nodes", 1, "nodes of the runner: runner-0, ...")
	o.backoff = fs.Duration("backoff", time.Second, "a container's first back-off, doubled with each restart (a kubelet's is 10s)")
	fs.Var(o.images, "image", "NAME=FILE: an image's name and the executable file that it is; may be given again")
	return o
}

func (o runnerOptions) args(kubeconfig, dir string) []string {
	args := []string{"--kubeconfig=" + kubeconfig, "--dir=" + dir, "--runner-nodes=" + strconv.Itoa(*o.nodes), "--backoff=" + o.backoff.String()}
	for name, file := range o.images {
		args = append(args, "--image="+name+"="+file)
	}
	return args
}

func runnerMain(args []string) error {
	fs := flag.NewFlagSet("podrunner", flag.ExitOnError)
	kubeconfig := fs.String("kubeconfig", "", "kubeconfig")
	dir := fs.String("dir", "", "state directory: logs, pids, volumes")
	o := runnerFlags(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return fmt.Errorf("--dir is wanted")
	}
	config, err := restConfig(*kubeconfig)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return podrunner.Run(ctx, config, podrunner.Options{Dir: *dir, Nodes: *o.nodes, Images: o.images, Backoff: *o.backoff})
}
