package main

// This file tells nsenter/settings.c that the program is rung's command, not one that embeds the library.

// extern const char rung_is_command;
// const char rung_is_command = 1;
import "C"
