/* Text for people: what came from outside is made harmless before it reaches a terminal or a log,
 * and columns are counted as a terminal counts them. */
#ifndef HIKESHI_BASE_TEXT_H
#define HIKESHI_BASE_TEXT_H

#include "base/buf.h"

/* What may not reach a terminal as it is: controls, C1 among them, and what text_add_escaped names.
 */
bool text_is_dangerous(uint32_t cp);

/* Appends s so that it cannot move the cursor, colour the screen or reorder text: control bytes,
 * bidirectional controls (U+202A–202E, U+2066–2069, U+200E/F), line and paragraph separators and
 * bytes that are not UTF-8 appear as \x1b, \u202e; a backslash stays as it is. */
enum status text_add_escaped(struct buf *out, struct slice s);

/* Terminal columns of s as text_add_escaped would show it. */
size_t text_columns(struct slice s);

/* How many bytes of s go into a line of `room` columns: it is parted at spaces, and beside wide
 * characters, because Japanese has no spaces, but not before its closing marks. A word longer than
 * a line is cut. The spaces between two lines belong to neither: the caller passes over those that
 * follow. 0 only for nothing. */
size_t text_line(struct slice s, size_t room);

/* Appends s escaped, then spaces up to `columns`. Longer text is not cut. */
enum status text_add_padded(struct buf *out, struct slice s, size_t columns);

#endif
