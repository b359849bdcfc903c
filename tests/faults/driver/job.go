package main

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// job is one injection: the K-th call of a class, in one run of a verb.
type job struct {
	Verb, Config, Class, Action string
	K                           int // 0 only counts
}

func (j job) String() string {
	return fmt.Sprintf("%s/%s/%s/%s/%d", j.Verb, j.Config, j.Class, j.Action, j.K)
}

func parseJob(text string) (job, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 5 {
		return job{}, fmt.Errorf("%q is not VERB/CONFIGURATION/CLASS/ACTION/K", text)
	}
	k, err := strconv.Atoi(parts[4])
	return job{parts[0], parts[1], parts[2], parts[3], k}, err
}

// chosen reports whether a sample of each N-th injection has this one. Neighbours get different actions, so that a sample
// goes through all of them, and through all calls.
func (j job) chosen(every int) bool {
	hash := fnv.New32a()
	fmt.Fprint(hash, j.Verb, j.Config, j.Class, j.Action)
	return (j.K+int(hash.Sum32()%1000))%every == 0
}

// result is what came of a job.
type result struct {
	Job      job
	Skip     string // why the verb cannot be tried here
	Error    string // the trial itself failed
	Hit      bool
	Call     string // name of the call that was hit
	Args     string // its first arguments
	Text     string // and what was readable of them
	Total    int    // calls of the class
	Status   int
	Message  string
	Problems []problem
}

// Kinds of problems, as the report's columns have them.
const (
	kindHang    = "hang"
	kindTrace   = "trace"
	kindLeak    = "leak"
	kindSuccess = "wrong success"
	kindMessage = "poor message"
	kindOther   = "harm to another container"
)

type problem struct {
	Kind, Text string
	Explained  string // the reason in explained.go, if there is one
}

var allActions = []string{"EPERM", "ENOSYS", "EIO", "ENOMEM", "EMFILE", "EINTR", "EAGAIN", "kill"}

// errnos by name: the numbers are those of asm-generic/errno.h, which all architectures of rung's have.
var errnos = map[string]int{"EPERM": 1, "EINTR": 4, "EIO": 5, "EAGAIN": 11, "ENOMEM": 12, "EMFILE": 24, "ENOSYS": 38}

// onlyFor are the calls that an errno may come of, where not any call may have it.
var onlyFor = map[string]string{
	"EMFILE": "open,openat,openat2,socket,socketpair,accept4,pipe2,dup,dup3,eventfd2,memfd_create,signalfd4,fsopen,fsmount," +
		"open_tree,pidfd_open,pidfd_getfd,recvmsg",
	"EINTR":  "read,recvmsg,recvfrom,sendmsg,connect,accept4,wait4,waitid,flock,ppoll,poll,openat,openat2,open,write,fcntl",
	"EAGAIN": "clone,clone3,fork,vfork,openat2,sendmsg,connect,setresuid,memfd_create,io_setup",
}

// ofGo are calls that Go's run-time library makes for itself in any program: it ends itself with a trace, or waits for ever,
// where one of them fails, and no program can do anything about that. In the stage, which has no Go, nothing is left out; what rung has forked is Go until it executes the stage.
var ofGo = []string{
	"futex",                                                   // locks and sleeping threads
	"mmap", "munmap", "mprotect", "madvise", "brk", "mincore", // the heap, and pages that are given back
	"sched_yield", "nanosleep", "clock_nanosleep", // the scheduler
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", // signals, and preemption by them
	"getuid", "geteuid", "getgid", "getegid", // which cannot fail: Go's functions for them have no error
	"gettid", "getpid", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", // a thread's own
	"timer_create", "timer_settime", "timer_delete", "setitimer", // profiles
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", // the network poller
	"exit", "exit_group", "restart_syscall",
}
