/* The two text files in a jar that name what it is: META-INF/MANIFEST.MF and Maven's
 * pom.properties. Input is hostile; nothing is allocated. */
#ifndef HIKESHI_JAVA_TEXT_H
#define HIKESHI_JAVA_TEXT_H

#include "base/buf.h"

/* java.util.Properties: the next `key=value` (or key:value) line, trimmed. Comments are passed
 * over; escapes and continued lines are not undone, because Maven writes none. False at the end. */
bool properties_next(struct slice *rest, struct slice *ret_key, struct slice *ret_value);

/* JAR specification, "Manifest": the value of a key of the main section, continuation lines put
 * together, into `value` (cleared first; its maximum cuts the value). Keys differ not by case.
 * False: it has no such key. */
bool manifest_get(struct slice text, const char *key, struct buf *value);

#endif
