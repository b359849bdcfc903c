/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - numbers and prefixes in text. */
#ifndef RUNG_TEXT_H
#define RUNG_TEXT_H

#include <stdint.h>

/* The bytes of a 64-bit number in decimal, with the NUL. */
#define DECIMAL_SIZE 21

/* Writes a number in decimal and a NUL. Returns the place of the NUL. */
static inline char *put_decimal(char *to, uint64_t n)
{
	char digits[DECIMAL_SIZE];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*to++ = digits[--i];
	*to = '\0';
	return to;
}

/* Writes a text without its NUL. Returns the place behind it. */
static inline char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

/* Returns the decimal number that is all of the text, or -1 if it is none, or above `most`. */
static inline int number(const char *text, int most)
{
	int64_t n = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + *text - '0';
		if (n > most)
			return -1;
	}
	return (int)n;
}

static inline int begins(const char *text, const char *with)
{
	while (*with && *text == *with) {
		text++;
		with++;
	}
	return !*with;
}

#endif
