package sidecommit

import "testing"

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"unix:///run/s.sock":     "unix:/run/s.sock",
		"unix:/run/s.sock":       "unix:/run/s.sock",
		"127.0.0.1:50051":        "dns:///127.0.0.1:50051",
		"tcp://localhost:50051":  "dns:///localhost:50051",
		"http://localhost:50051": "dns:///localhost:50051",
		"[::1]:50051":            "dns:///[::1]:50051",
		"unix:relative":          "",
		"unix://host/path":       "",
		"unix:":                  "",
		"localhost":              "",
		":50051":                 "",
		"https://localhost:1":    "",
		"http://host:1/path":     "",
		"/run/s.sock":            "",
	} {
		got, err := target(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", address, got, err, want)
		}
	}
}

func TestTheGivenAddressComesBeforeTheEnvironments(t *testing.T) {
	t.Setenv(addressVariable, "")
	if got := address(""); got != defaultAddress {
		t.Errorf("without any: %s", got)
	}
	t.Setenv(addressVariable, "host:1")
	if got := address(""); got != "host:1" {
		t.Errorf("of the environment: %s", got)
	}
	if got := address("host:2"); got != "host:2" {
		t.Errorf("given: %s", got)
	}
}
