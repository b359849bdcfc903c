package setup

import (
	"errors"
	"fmt"

	"rung/libcontainer/launch"
)

// StartError is what runc says before an error of a container's process, InitError before one of its set-up. People
// look for these words, and so do programs: https://github.com/containers/podman/blob/v5.7.0/test/e2e/exec_test.go
const (
	StartError = "unable to start container process: "
	InitError  = StartError + "error during container init: "
)

// ProcessError puts StartError or InitError before the failure that is about the program of the process or its working directory.
// Other errors stay as they are.
func ProcessError(words string, err error) error {
	var failure *launch.Failure
	if !errors.As(err, &failure) || !failure.OfProcess() {
		return err
	}
	return fmt.Errorf(words+"%w", err)
}
