/* What every unit test includes: cmocka with the headers that it wants before it. */
#ifndef HIKESHI_TESTS_UNIT_H
#define HIKESHI_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define assert_ok(expr) assert_int_equal((expr), OK)
#define assert_slice_equal(s, text)                \
    do {                                           \
        struct slice got_ = (s);                   \
        assert_int_equal(got_.n, strlen(text));    \
        assert_memory_equal(got_.p, text, got_.n); \
    } while (0)

#endif
