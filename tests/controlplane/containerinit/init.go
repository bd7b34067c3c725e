// Package containerinit is what a container's process does before it is the container: the binary starts itself again in
// new namespaces, makes the root filesystem, gives its rights away and becomes the command.
//
// It runs from an init function and needs the standard library's smallest packages only. Go initialises packages in the
// order of their paths as soon as what they import is ready, so this one comes before Kubernetes' own thousand packages,
// whose initialisers would cost each probe a tenth of a second.
package containerinit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"
)

// Command is the subcommand under which the binary starts itself.
const Command = "container-init"

// The descriptors that the parent hands over.
const (
	SpecFD  = 3 // the Spec as JSON
	ErrorFD = 4 // where the child writes why it could not become the command; closed without a word when it did
)

// Spec is what the child is to become.
type Spec struct {
	Root         string  // where to build a new container's root filesystem
	Join         int     // pid of the container whose filesystem to join instead
	Hostname     string  // of a new container
	Image        string  // the host's file that is the image
	ImageDir     string  // a folder with nothing but an empty file of the image's basename
	ReadOnlyRoot bool    // readOnlyRootFilesystem
	Mounts       []Mount // volumes, in the order in which to mount them
	Argv         []string
	Env          []string
	Dir          string // working directory
	UID, GID     int
	Groups       []int
	NoNewPrivs   bool
	Capabilities uint64 // bounding set, a bit for each
}

// Mount is a folder or file of the host and where the container sees it.
type Mount struct {
	Source, Target string
	ReadOnly       bool
}

func init() {
	if len(os.Args) < 2 || os.Args[1] != Command {
		return
	}
	runtime.LockOSThread() // rights and namespaces belong to the thread
	err := become()
	report := os.NewFile(ErrorFD, "error")
	fmt.Fprint(report, err) // nowhere else to say so
	os.Exit(128)            // as the kubelet's StartError
}

func become() error {
	syscall.CloseOnExec(ErrorFD)
	var spec Spec
	file := os.NewFile(SpecFD, "spec")
	data, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("read the specification: %w", err)
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("read the specification: %w", err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	syscall.Umask(0)
	if spec.Join != 0 {
		err = join(spec.Join)
	} else {
		err = makeRoot(&spec)
	}
	if err != nil {
		return err
	}
	if err := dropRights(&spec); err != nil {
		return err
	}
	syscall.Umask(0o022)
	if err := os.Chdir(spec.Dir); err != nil {
		return err
	}
	file0, err := lookPath(spec.Argv[0], spec.Env)
	if err != nil {
		return err
	}
	err = syscall.Exec(file0, spec.Argv, spec.Env)
	return fmt.Errorf("exec %s: %w", file0, err)
}

// lookPath finds a command as execvp does, by the container's own PATH.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, e := range env {
		folders, found := strings.CutPrefix(e, "PATH=")
		if !found {
			continue
		}
		for _, folder := range strings.Split(folders, ":") {
			file := path.Join(folder, name)
			if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return file, nil
			}
		}
	}
	return "", errors.New("exec: \"" + name + "\": executable file not found in $PATH")
}
