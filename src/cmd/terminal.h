/* What every verb that prints for people has to know of its terminal. */
#ifndef HIKESHI_CMD_TERMINAL_H
#define HIKESHI_CMD_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* COLUMNS where it is a number from 20 to 1000, else how wide the terminal is, else 80. */
size_t terminal_columns(int fd);

/* "always", "never", or "auto": standard output is a terminal that has colours, and NO_COLOR is not
 * set. */
bool terminal_wants_colour(const char *when);

#endif
