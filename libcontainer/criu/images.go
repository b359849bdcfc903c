package criu

import (
	"encoding/binary"
	"errors"
)

// ExternalMount is a mount that a checkpoint names but does not contain.
type ExternalMount struct{ Name, Point string }

// Magic numbers of images (CRIU's magic.h), and fields of mnt_entry (its images/mnt.proto).
const (
	magicCommon, magicMounts = 0x54564319, 0x55563928
	mntPoint, mntExternalKey = 7, 18
)

var errImage = errors.New("not an image of mount points")

// ExternalMounts returns the external mounts in the image mountpoints-*.img of a checkpoint. The image has two magic
// numbers and then messages, each after its size.
func ExternalMounts(image []byte) (out []ExternalMount, err error) {
	if number(image) != magicCommon || number(image[4:]) != magicMounts {
		return nil, errImage
	}
	for rest := image[8:]; len(rest) > 0; {
		size := number(rest)
		if size < 0 || size > int64(len(rest)-4) {
			return nil, errImage
		}
		entry, err := fields(rest[4 : 4+size])
		if err != nil {
			return nil, err
		}
		rest = rest[4+size:]
		if name := entry[mntExternalKey].bytes; len(name) > 0 {
			out = append(out, ExternalMount{string(name), string(entry[mntPoint].bytes)})
		}
	}
	return out, nil
}

// number returns the number at the front of an image, -1 if the image is too short.
func number(image []byte) int64 {
	if len(image) < 4 {
		return -1
	}
	return int64(binary.NativeEndian.Uint32(image))
}
