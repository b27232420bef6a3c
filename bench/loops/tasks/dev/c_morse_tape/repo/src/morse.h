#ifndef MORSE_H
#define MORSE_H

#include <stddef.h>

/* The code of a letter or digit, NULL where there is none. */
const char *code_of(char letter);

/* Write a text in Morse: a blank after each letter, "/ " between words, no blank at the end.
 * Returns the length, -1 where a letter has no code or the buffer is too small. */
int to_morse(const char *text, char *buffer, size_t size);

/* How long a tape is, in units: a dot is 1, a dash 3, and each is followed by a gap of 1;
 * a blank makes the gap longer by 2, a slash by 2 more. */
int tape_units(const char *morse);

#endif
