package containerinit

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	prSetPdeathsig  = 1
	prCapbsetDrop   = 24
	prSetNoNewPrivs = 38
	pollErr         = 0x8
)

// dropRights makes the thread, which is the one that will be the container, what the security context says. Raw system
// calls, because the wrappers act on all threads, and the others are about to vanish.
func dropRights(spec *Spec) error {
	last, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return err
	}
	lastCap, err := strconv.Atoi(strings.TrimSpace(string(last)))
	if err != nil {
		return fmt.Errorf("cap_last_cap: %w", err)
	}
	for c := 0; c <= lastCap; c++ {
		if spec.Capabilities&(1<<c) != 0 {
			continue
		}
		if err := call("drop capability "+strconv.Itoa(c), syscall.SYS_PRCTL, prCapbsetDrop, uintptr(c), 0); err != nil {
			return err
		}
	}
	groups := make([]uint32, len(spec.Groups)+1) // one more, so that there is an address even for none
	for i, g := range spec.Groups {
		groups[i] = uint32(g)
	}
	if err := call("setgroups", syscall.SYS_SETGROUPS, uintptr(len(spec.Groups)), uintptr(unsafe.Pointer(&groups[0])), 0); err != nil {
		return err
	}
	gid, uid := uintptr(spec.GID), uintptr(spec.UID)
	if err := call("setresgid", syscall.SYS_SETRESGID, gid, gid, gid); err != nil {
		return err
	}
	if err := call("setresuid", syscall.SYS_SETRESUID, uid, uid, uid); err != nil {
		return err
	}
	if spec.NoNewPrivs {
		if err := call("no_new_privs", syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0); err != nil {
			return err
		}
	}
	return dieWithParent()
}

// dieWithParent asks for SIGKILL when the runner dies (a change of uid would clear that, so it comes last), and ends at
// once if the runner has died already: then nobody reads our errors any more.
func dieWithParent() error {
	if err := call("parent death signal", syscall.SYS_PRCTL, prSetPdeathsig, uintptr(syscall.SIGKILL), 0); err != nil {
		return err
	}
	poll := struct {
		fd              int32
		events, revents int16
	}{fd: ErrorFD}
	zero := syscall.Timespec{}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&zero)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("poll: %w", errno)
	}
	if poll.revents&pollErr != 0 {
		return errors.New("the runner is gone")
	}
	return nil
}

func call(what string, number, a, b, c uintptr) error {
	if _, _, errno := syscall.RawSyscall(number, a, b, c); errno != 0 {
		return fmt.Errorf("%s: %w", what, errno)
	}
	return nil
}
