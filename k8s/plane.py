"""A real control plane for scripts that try things on one: etcd, kube-apiserver and controllers in the binary of tests/controlplane."""

import os
import pathlib
import subprocess
import sys
import time


BUILD = pathlib.Path(__file__).resolve().parents[1] / "tests/controlplane/build"
# 1.36 has MutatingAdmissionPolicy without these.
POLICY = ["--feature-gates=MutatingAdmissionPolicy=true", "--apiserver-args=--runtime-config=admissionregistration.k8s.io/v1beta1=true"]


def binary():
    """The one that the command line names, or that of tests/controlplane, which is built if it is not there."""
    if len(sys.argv) > 1:
        return sys.argv[1]
    return subprocess.run([BUILD], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Plane:
    """A control plane that ends with this process."""

    def __init__(self, folder, *arguments):
        command = [binary(), "up", "--stdin-lifeline", "--dir", folder, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment = {**os.environ, "KUBECONFIG": self.process.stdout.readline().strip().partition("=")[2]}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait(30)

    def kubectl(self, *arguments, text=None, check=True):
        return self.run("kubectl", *arguments, text=text, check=check)

    def run(self, *command, text=None, check=True):
        done = subprocess.run(command, input=text, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        if check and done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr}")
        return done

    def apply(self, text):
        self.kubectl("apply", "-f", "-", text=text)

    def until(self, what, condition):
        """A new policy takes a moment to reach the API server that enforces it."""
        deadline = time.monotonic() + 30
        while not condition():
            if time.monotonic() > deadline:
                sys.exit(f"not within 30 s: {what}")
            time.sleep(0.1)
