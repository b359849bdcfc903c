package nsenter

import "embed"

//go:embed image
var images embed.FS

// Image returns the stage as a program of its own, for launch.Launcher. It is nil
// if rung was not built by scripts/build.sh.
func Image() []byte {
	image, err := images.ReadFile("image/stage")
	if err != nil {
		return nil
	}
	return image
}
