/* Spreadsheets: any bytes are read or refused, and what is read as CSV is UTF-8; dates and
 * categories take any text. */
#include "fuzz.h"

#include "base/utf8.h"
#include "board/office/normalise.h"
#include "board/office/sheet.h"

static enum status look(void *ctx, const struct sheet_row *row, struct err *err)
{
    (void)ctx, (void)err;
    for (size_t i = 0; i < row->count; i++) {
        struct norm_date d;
        if (!utf8_valid(row->cells[i].text, NULL))
            abort();
        (void)!norm_date(row->cells[i].text, true, false, &d);
        (void)norm_category(row->cells[i].text);
        (void)norm_yes_no(row->cells[i].text);
    }
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct book *b = NULL;
    if (book_open(slice_of(data, size), NULL, &b, NULL) == OK)
        (void)!book_read(b, book_best_sheet(b), look, NULL, NULL);
    book_free(b);
    return 0;
}
