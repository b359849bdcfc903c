package bundle

import "testing"

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"kernel.shmmax":                  "kernel/shmmax",
		"net.ipv4.conf.eth0/1.forward":   "net/ipv4/conf/eth0.1/forward",
		"net/ipv4/conf/eth0.1/forward":   "net/ipv4/conf/eth0.1/forward",
		"fs/mqueue/msg_max":              "fs/mqueue/msg_max",
		"net.ipv6.conf.a/b/c.disable_it": "net/ipv6/conf/a.b.c/disable_it",
	} {
		if got := SysctlPath(key); got != want {
			t.Errorf("SysctlPath(%s) = %s, want %s", key, got, want)
		}
	}
}
