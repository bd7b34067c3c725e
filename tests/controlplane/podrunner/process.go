package podrunner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"controlplane/containerinit"
)

// spawner forks all processes from one thread that lives as long as we do: the kernel's parent death signal, by which
// nothing outlives a killed runner, follows the thread that forked, not the process.
type spawner struct {
	jobs chan func()
	exe  string
}

func newSpawner() (*spawner, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &spawner{jobs: make(chan func()), exe: exe}
	go func() {
		runtime.LockOSThread()
		for job := range s.jobs {
			job()
		}
	}()
	return s, nil
}

// process is a command inside a container: its first, or a probe or hook beside it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	code int // after done; 128 + the signal's number for who died by one
}

// errStart is what the new process said instead of becoming the command.
type errStart struct{ text string }

func (e errStart) Error() string { return e.text }

// start begins a new container, or with spec.Join a command in a running one.
func (s *spawner) start(spec *containerinit.Spec, out *os.File) (*process, error) {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer specRead.Close()
	defer specWrite.Close()
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer errRead.Close()
	cmd := exec.Command(s.exe, containerinit.Command)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{specRead, errWrite}
	// The parent death signal is asked for by the child, in dropRights: Go's own way to do it kills a child
	// that does not see its parent, and from another pid namespace there is none to see.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if spec.Join == 0 {
		// A pid namespace, as container runtimes make one: the command is pid 1, so a SIGTERM that it does not handle is
		// ignored, and its end is the end of all its children.
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	}
	if err := s.fork(cmd, spec.Join); err != nil {
		errWrite.Close()
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go p.wait()
	errWrite.Close()
	if _, err := specWrite.Write(data); err != nil && !errors.Is(err, syscall.EPIPE) { // EPIPE: it ended, and says why below
		return nil, err
	}
	specWrite.Close()
	text, err := io.ReadAll(errRead)
	if err != nil {
		return nil, err
	}
	if len(text) > 0 {
		<-p.done
		return nil, errStart{string(text)}
	}
	return p, nil
}

func (s *spawner) fork(cmd *exec.Cmd, join int) error {
	failed := make(chan error)
	s.jobs <- func() {
		failed <- func() error {
			if join == 0 {
				return cmd.Start()
			}
			return inPidNamespace(join, cmd.Start)
		}()
	}
	return <-failed
}

func (p *process) wait() {
	defer close(p.done)
	if err := p.cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			fmt.Fprintf(os.Stderr, "podrunner: wait for pid %d: %v\n", p.cmd.Process.Pid, err)
		}
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		p.code = -1
	case status.Signaled():
		p.code = 128 + int(status.Signal())
	default:
		p.code = status.ExitStatus()
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal goes to the first process only, as a runtime's does. Who has ended already needs none.
func (p *process) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		fmt.Fprintf(os.Stderr, "podrunner: %v to pid %d: %v\n", s, p.pid(), err)
	}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}
