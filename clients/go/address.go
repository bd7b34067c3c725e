package sidecommit

import (
	"fmt"
	"net"
	"os"
	"strings"
)

const (
	addressVariable = "SIDECOMMIT_ADDRESS"
	defaultAddress  = "unix:///run/sidecommit/api.sock"
)

// address is what is given, else what the environment says, else the default.
func address(given string) string {
	if given != "" {
		return given
	}
	if said := os.Getenv(addressVariable); said != "" {
		return said
	}
	return defaultAddress
}

// target is an address as gRPC wants it.
func target(address string) (string, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if absolute := strings.TrimPrefix(path, "//"); strings.HasPrefix(absolute, "/") && absolute != "/" {
			return "unix:" + absolute, nil
		}
		return "", badAddress(address)
	}
	hostPort := strings.TrimPrefix(strings.TrimPrefix(address, "tcp://"), "http://")
	hostPort = strings.TrimSuffix(hostPort, "/")
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil || host == "" || port == "" || strings.ContainsAny(hostPort, "/?#@") {
		return "", badAddress(address)
	}
	return "dns:///" + hostPort, nil
}

func badAddress(address string) error {
	return fmt.Errorf("sidecommit: address %q: want unix:///path or host:port", address)
}
