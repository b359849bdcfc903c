package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// campaign lets workers count the calls and then make all injections.
func campaign(s settings) ([]result, error) {
	if s.only != "" {
		only, err := parseJob(s.only)
		if err != nil {
			return nil, err
		}
		return runAll(s, []job{only})
	}
	counts, err := runAll(s, countingJobs(s))
	if err != nil {
		return nil, err
	}
	var jobs []job
	var others []result
	for _, r := range counts {
		if r.Skip != "" || r.Error != "" {
			others = append(others, r)
			continue
		}
		jobs = append(jobs, injections(s, r)...)
	}
	results, err := runAll(s, jobs)
	return append(others, results...), err
}

// injections returns the jobs for a count: one for each counted call and each action that applies to the same calls.
func injections(s settings, count result) (jobs []job) {
	for _, action := range s.actions {
		if onlyFor[action] != onlyFor[count.Job.Action] {
			continue
		}
		for k := 1; k <= count.Total; k++ {
			j := count.Job
			j.Action, j.K = action, k
			if j.chosen(s.every) {
				jobs = append(jobs, j)
			}
		}
	}
	return jobs
}

func countingJobs(s settings) (jobs []job) {
	for _, v := range verbs {
		for _, config := range v.configs {
			for _, class := range v.classes {
				if !s.verbs.MatchString(v.name + " " + config + " " + class) {
					continue
				}
				counted := map[string]bool{}
				for _, action := range s.actions {
					if set := onlyFor[action]; !counted[set] {
						counted[set] = true
						jobs = append(jobs, job{v.name, config, class, action, 0})
					}
				}
			}
		}
	}
	return jobs
}

// runAll gives jobs to workers as they become free. Each worker is a process of its own, because processes that a container
// leaves behind become its children.
func runAll(s settings, jobs []job) ([]result, error) {
	results := make([]result, len(jobs))
	next := make(chan int)
	errs := make(chan error, s.jobs)
	for range min(s.jobs, max(len(jobs), 1)) {
		go func() { errs <- feed(s, jobs, results, next) }()
	}
	go func() {
		for i := range jobs {
			if r, known := s.earlier.results[jobs[i]]; known {
				results[i] = r
			} else {
				next <- i
			}
		}
		close(next)
	}()
	for range min(s.jobs, max(len(jobs), 1)) {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	return results, nil
}

func feed(s settings, jobs []job, results []result, next chan int) error {
	cmd := exec.Command("/proc/self/exe", "-worker", "-rung", s.rung, "-tools", s.tools, "-source", s.source, "-criu", s.criu)
	cmd.Stderr = os.Stderr
	// In a mount namespace of its own a trial's mounts are invisible to others.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	to, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	answers := json.NewDecoder(bufio.NewReader(from))
	for i := range next {
		if err := ask(to, answers, jobs[i], &results[i]); err != nil {
			return fmt.Errorf("%s: the worker: %w", jobs[i], err)
		}
		printUnexplained(results[i])
		if err := s.earlier.add(&results[i]); err != nil {
			return err
		}
	}
	to.Close()
	return cmd.Wait()
}

func ask(to io.Writer, answers *json.Decoder, j job, r *result) error {
	if err := json.NewEncoder(to).Encode(j); err != nil {
		return err
	}
	if err := answers.Decode(r); err != nil {
		return err
	}
	explain(r)
	return nil
}

// printUnexplained prints unexplained problems at once.
func printUnexplained(r result) {
	if r.Error != "" {
		fmt.Fprintf(os.Stderr, "%s: trial failed: %s\n", r.Job, r.Error)
	}
	for _, p := range r.Problems {
		if p.Explained == "" {
			fmt.Fprintf(os.Stderr, "%s: %s: %s(%s): %s\n", r.Job, p.Kind, r.Call, r.Text, p.Text)
		}
	}
}
