package nsenter

import "embed"

//go:embed image
var images embed.FS

// Image returns the hands as a program of their own, for libcontainer.UseHands; nil where
// rung was not built by scripts/build.sh.
func Image() []byte {
	image, err := images.ReadFile("image/hands")
	if err != nil {
		return nil
	}
	return image
}
