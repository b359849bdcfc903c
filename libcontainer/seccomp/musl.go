package seccomp

// A distribution's static libseccomp is compiled against glibc's checked stdio, and musl lacks this one function of it.
// libseccomp calls it only to print pseudo code.

/*
#include <stdarg.h>
#include <stdio.h>
#ifndef __GLIBC__
int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	va_list args;
	int n;

	(void)flag;
	va_start(args, format);
	n = vfprintf(file, format, args);
	va_end(args);
	return n;
}
#endif
*/
import "C"
