package containerinit

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// What the container sees of the host besides its image: a distribution, read-only. Where the host has a link (/bin ->
// usr/bin), so has the container.
var hostFolders = []string{"usr", "bin", "sbin", "lib", "lib64", "etc"}

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

type folder struct {
	name string
	mode os.FileMode
}

var ownFolders = []folder{
	{"proc", 0o755}, {"dev", 0o755}, {"tmp", 0o777 | os.ModeSticky}, {"run", 0o755}, {"root", 0o700}, {"home", 0o755},
	{"var", 0o755}, {"var/lib", 0o755}, {"var/log", 0o755}, {"var/tmp", 0o777 | os.ModeSticky},
}

// makeRoot builds the root filesystem in a mount namespace that is ours alone, and enters it. Nothing of it is ever
// seen outside, and it is gone with the last process inside.
func makeRoot(spec *Spec) error {
	if err := syscall.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("hostname %q: %w", spec.Hostname, err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", spec.Root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount the root on %s: %w", spec.Root, err)
	}
	for _, step := range []func(*Spec) error{ownRoot, hostRoot, imageFile, deviceFiles, volumes} {
		if err := step(spec); err != nil {
			return err
		}
	}
	if err := syscall.Mount("proc", filepath.Join(spec.Root, "proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if spec.ReadOnlyRoot {
		if err := readOnly(spec.Root); err != nil {
			return err
		}
	}
	return enter(spec)
}

func ownRoot(spec *Spec) error {
	for _, f := range ownFolders {
		if err := os.Mkdir(filepath.Join(spec.Root, f.name), f.mode); err != nil {
			return err
		}
	}
	return os.Symlink("../run", filepath.Join(spec.Root, "var/run"))
}

func hostRoot(spec *Spec) error {
	for _, name := range hostFolders {
		source, target := "/"+name, filepath.Join(spec.Root, name)
		if link, err := os.Readlink(source); err == nil {
			if err := os.Symlink(link, target); err != nil {
				return err
			}
			continue
		}
		if _, err := os.Stat(source); os.IsNotExist(err) {
			continue
		}
		if err := bind(source, target, true); err != nil {
			return err
		}
	}
	return nil
}

// imageFile lays the image's file over /usr/bin, which stays read-only below it.
func imageFile(spec *Spec) error {
	bin := filepath.Join(spec.Root, "usr/bin")
	if err := syscall.Mount("overlay", bin, "overlay", syscall.MS_RDONLY, "lowerdir="+spec.ImageDir+":/usr/bin"); err != nil {
		return fmt.Errorf("overlay on /usr/bin: %w", err)
	}
	return bind(spec.Image, filepath.Join(bin, filepath.Base(spec.Image)), true)
}

func deviceFiles(spec *Spec) error {
	dev := filepath.Join(spec.Root, "dev")
	if err := syscall.Mount("tmpfs", dev, "tmpfs", syscall.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	for _, name := range devices {
		if err := bind("/dev/"+name, filepath.Join(dev, name), false); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(dev, "shm"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	for name, link := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(link, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return nil
}

func volumes(spec *Spec) error {
	for _, m := range spec.Mounts {
		if err := bind(m.Source, filepath.Join(spec.Root, m.Target), m.ReadOnly); err != nil {
			return err
		}
	}
	return nil
}

// bind mounts a folder or file onto a target that it makes where there is none.
func bind(source, target string, ro bool) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
		var file *os.File
		if file, err = os.OpenFile(target, os.O_CREATE|os.O_RDONLY, 0o644); err == nil {
			err = file.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("mount point %s: %w", target, err)
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s on %s: %w", source, target, err)
	}
	if ro {
		return readOnly(target)
	}
	return nil
}

func readOnly(target string) error {
	if err := syscall.Mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", target, err)
	}
	return nil
}

// enter makes the new root the only one: the host's is unmounted from under us.
func enter(spec *Spec) error {
	if err := os.Chdir(spec.Root); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the host's root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if !spec.ReadOnlyRoot {
		return os.MkdirAll(spec.Dir, 0o755) // as container runtimes make the working directory
	}
	return nil
}

// setns has no name in package syscall.
var setns = map[string]uintptr{"amd64": 308, "arm64": 268}

// join enters the filesystem of a running container. Its pid namespace is ours already: the parent forked us into it.
func join(pid int) error {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return err
	}
	root, err := os.Open(fmt.Sprintf("/proc/%d/root", pid))
	if err != nil {
		return err
	}
	// A thread may change its mount namespace only if it shares its working directory with no other.
	if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	number, known := setns[runtime.GOARCH]
	if !known {
		return fmt.Errorf("setns: its number on %s is not known here", runtime.GOARCH)
	}
	if _, _, errno := syscall.RawSyscall(number, namespace.Fd(), syscall.CLONE_NEWNS, 0); errno != 0 {
		return fmt.Errorf("setns of pid %d: %w", pid, errno)
	}
	if err := root.Chdir(); err != nil {
		return err
	}
	return syscall.Chroot(".")
}
