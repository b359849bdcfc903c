package nsenter

// #include "early.h"
import "C"

import (
	"embed"
	"unsafe"
)

// The C code includes the image by itself (early.c). Go embeds it only so that its build cache knows of the file.
//
//go:embed image
var images embed.FS

var _ = images

// Image returns the stage as a program of its own, for launch.Launcher. It is nil
// if rung was not built by scripts/build.sh. Nobody may write to it: it is part of the binary's constants.
func Image() []byte {
	var size C.ulong
	image := C.rung_stage_image(&size)
	if image == nil {
		return nil
	}
	return unsafe.Slice((*byte)(image), int(size))
}
