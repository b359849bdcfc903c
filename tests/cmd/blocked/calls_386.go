package main

// sockets has none here: all are one call.
var sockets map[string]uint32
