// kubetest: a real Kubernetes control plane in one binary, for integration tests.
//
//	kubetest up [flags]                     start everything, write a kubeconfig, stay in the foreground
//	kubetest etcd [etcd flags]              plain etcd
//	kubetest kube-apiserver [flags]         plain kube-apiserver
//	kubetest kube-controller-manager [...]  plain kube-controller-manager
//	kubetest kube-scheduler [...]           plain kube-scheduler
//	kubetest fake-node --kubeconfig F --name N   marks scheduled Pods Running/Ready (no containers run)
//	kubetest podrunner --kubeconfig F --dir D    runs the Pods of its nodes (package podrunner)
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	_ "controlplane/containerinit" // its init function is the container's side of podrunner
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: kubetest up|etcd|kube-apiserver|kube-controller-manager|kube-scheduler|fake-node|podrunner [flags]")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	var err error
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(kcm.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "up":
		err = up(os.Args[1:])
	case "fake-node":
		err = fakeNodeMain(os.Args[1:])
	case "podrunner":
		err = runnerMain(os.Args[1:])
	default:
		err = fmt.Errorf("unknown subcommand %q", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubetest:", err)
		os.Exit(1)
	}
}
