package bundle

import "rung/libcontainer/idlist"

// checkIDList refuses a text that is not a list of CPUs or memory nodes. An empty string
// means that there is none.
func checkIDList(field, text string) error {
	if text == "" {
		return nil
	}
	list, err := idlist.Parse(text)
	if err != nil {
		return fail(field, "%q is not a list such as 0-3,5: %w", text, err)
	}
	if len(list) == 0 {
		return fail(field, "%q is not a list such as 0-3,5: it is empty", text)
	}
	return nil
}

// checkKernelList refuses a text that is not a list for cpuset.cpus or cpuset.mems. An empty string means that there is none.
func checkKernelList(field, text string) error {
	if text == "" {
		return nil
	}
	list, err := idlist.ParseKernel(text, idlist.Max)
	if err != nil {
		return fail(field, "%q is not a list such as 0-3,5: %w", text, err)
	}
	if len(list) == 0 {
		return fail(field, "%q is not a list such as 0-3,5: it is empty", text)
	}
	return nil
}
