package seccomp

// A distribution's static libseccomp was compiled against glibc's checked stdio; with musl
// that one function is missing. libseccomp prints by it only when asked for pseudo code.

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
