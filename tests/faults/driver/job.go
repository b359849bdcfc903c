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

// chosen reports whether a sample of one in N injections has this one. The sample takes different actions for neighbouring
// calls, so that it covers all actions and all calls.
func (j job) chosen(every int) bool {
	hash := fnv.New32a()
	fmt.Fprint(hash, j.Verb, j.Config, j.Class, j.Action)
	return (j.K+int(hash.Sum32()%1000))%every == 0
}

// result is the result of a job.
type result struct {
	Job      job
	Skip     string // why the verb cannot be tried here
	Error    string // the trial itself failed
	Hit      bool
	Call     string // name of the call that was hit
	Args     string // its first arguments
	Text     string // the text that they point to
	Total    int    // calls of the class
	Status   int
	Message  string
	Problems []problem
}

// The kinds of problems: the columns of the report.
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

// errnos are the numbers of asm-generic/errno.h, which are the same on all architectures of rung.
var errnos = map[string]int{"EPERM": 1, "EINTR": 4, "EIO": 5, "EAGAIN": 11, "ENOMEM": 12, "EMFILE": 24, "ENOSYS": 38}

// onlyFor lists, for an errno that only some calls return, these calls.
var onlyFor = map[string]string{
	"EMFILE": "open,openat,openat2,socket,socketpair,accept4,pipe2,dup,dup3,eventfd2,memfd_create,signalfd4,fsopen,fsmount," +
		"open_tree,pidfd_open,pidfd_getfd,recvmsg",
	"EINTR":  "read,recvmsg,recvfrom,sendmsg,connect,accept4,wait4,waitid,flock,ppoll,poll,openat,openat2,open,write,fcntl",
	"EAGAIN": "clone,clone3,fork,vfork,openat2,sendmsg,connect,setresuid,memfd_create,io_setup",
}

// ofGo are calls that Go's run-time library makes for itself in any program. If one of them fails, the library ends the program
// with a trace or waits for ever, and no program can prevent that. They are left out in rung and in a process that rung has
// forked, until that executes the stage. The stage has no Go, and no call is left out there.
var ofGo = []string{
	"futex",                                                   // locks and sleeping threads
	"mmap", "munmap", "mprotect", "madvise", "brk", "mincore", // the heap
	"sched_yield", "nanosleep", "clock_nanosleep", // the scheduler
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", // signals and preemption
	"getuid", "geteuid", "getgid", "getegid", // they cannot fail, and Go's functions for them return no error
	"gettid", "getpid", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", // the start of a thread
	"timer_create", "timer_settime", "timer_delete", "setitimer", // profiles
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", // the network poller
	"exit", "exit_group", "restart_syscall",
}
