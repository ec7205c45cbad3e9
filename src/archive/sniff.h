/* What kind of file a head of bytes begins: by content, never by name. One row per kind in
 * sniff.c; a new format is a new row. */
#ifndef HIKESHI_ARCHIVE_SNIFF_H
#define HIKESHI_ARCHIVE_SNIFF_H

#include "base/slice.h"

enum { SNIFF_BYTES = 512 }; /* what a caller reads of a file to have all signs in it */

enum sniff {
    SNIFF_OTHER,
    SNIFF_ZIP,      /* begins as a zip */
    SNIFF_PREAMBLE, /* a kind of file that often has a zip behind it: script, Windows program, jmod
                     */
    SNIFF_ELF,      /* the same, but seldom, and with nothing behind the zip */
    SNIFF_CLASS,    /* a Java class */
};

enum sniff sniff_head(struct slice head);

/* Whether an archive, or what may stand before one, begins with these two bytes. */
bool sniff_archive_may_begin(const uint8_t first[2]);

/* Whether a name claims to be that of an archive. Then its end is looked at as well, whatever its
 * head is: a preamble may be anything. */
bool sniff_claims_archive(struct slice name);

#endif
