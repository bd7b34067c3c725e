package podrunner

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inPidNamespace forks into the pid namespace of a container. Only children enter it, never the thread itself, so the
// thread can go back.
func inPidNamespace(pid int, fork func() error) error {
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return err
	}
	defer theirs.Close()
	ours, err := os.Open("/proc/self/ns/pid")
	if err != nil {
		return err
	}
	defer ours.Close()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("pid namespace of %d: %w", pid, err)
	}
	failed := fork()
	if err := unix.Setns(int(ours.Fd()), unix.CLONE_NEWPID); err != nil {
		panic(fmt.Sprintf("the spawner's thread cannot leave a container's pid namespace: %v", err))
	}
	return failed
}
