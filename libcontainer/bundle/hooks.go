package bundle

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkHooks checks hooks (config.md, "POSIX-platform Hooks").
func checkHooks(s *specs.Spec) error {
	if s.Hooks == nil {
		return nil
	}
	lists := [...]struct {
		field string
		hooks []specs.Hook
	}{
		{"hooks.prestart", s.Hooks.Prestart}, //nolint:staticcheck // Deprecated, but engines still use it.
		{"hooks.createRuntime", s.Hooks.CreateRuntime},
		{"hooks.createContainer", s.Hooks.CreateContainer},
		{"hooks.startContainer", s.Hooks.StartContainer},
		{"hooks.poststart", s.Hooks.Poststart},
		{"hooks.poststop", s.Hooks.Poststop},
	}
	for _, l := range lists {
		for i := range l.hooks {
			if err := checkHook(&l.hooks[i], elementPath(l.field, i, "")); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkHook(h *specs.Hook, field string) error {
	if err := absolute(field+".path", h.Path); err != nil {
		return err
	}
	if h.Timeout != nil && *h.Timeout <= 0 {
		return fail(field+".timeout", "%d must be greater than zero", *h.Timeout)
	}
	for i, a := range h.Args {
		if err := noNUL(elementPath(field+".args", i, ""), a); err != nil {
			return err
		}
	}
	for i, e := range h.Env {
		if err := noNUL(elementPath(field+".env", i, ""), e); err != nil {
			return err
		}
	}
	return nil
}
