package nsenter

// #cgo CFLAGS: -std=gnu11 -Os -fno-stack-protector -Wall -Wextra -Wswitch-enum -Wpedantic -Wno-overlength-strings -Wshadow -Wvla -fno-strict-aliasing
// #cgo LDFLAGS: -Wl,-e,rungstart -Wl,--wrap=pthread_create
import "C"
