// Command empty does nothing. It shows what a static Go program with cgo costs before main, and is built with the flags of rung.
package main

import "C"

func main() {}
