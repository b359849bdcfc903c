package bundle

import "rung/libcontainer/idlist"

// checkIDList wants a list of CPUs or memory nodes. An empty string is no list.
func checkIDList(field, text string) error {
	if text == "" {
		return nil
	}
	list, err := idlist.Parse(text)
	if err != nil {
		return fail(field, "%q is not a list such as 0-3,5: %w", text, err)
	}
	if len(list) == 0 {
		return fail(field, "%q is not a list such as 0-3,5: nothing is in it", text)
	}
	return nil
}
