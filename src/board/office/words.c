#include "board/office/words.h"

#include "base/text.h"

const char *field_label(enum lang lang, enum ledger_field f)
{
    static const char *const labels[FIELD_COUNT] = {
        [FIELD_LEAVE_OUT] = N_("Leave out"),
        [FIELD_FREE] = N_("Keep as it is"),
        [FIELD_NAME] = N_("Name"),
        [FIELD_CATEGORY] = N_("Category"),
        [FIELD_OWNER] = N_("Owner"),
        [FIELD_OWNER_MAIL] = N_("Owner’s mail"),
        [FIELD_DEPARTMENT] = N_("Department"),
        [FIELD_VENDOR] = N_("Vendor"),
        [FIELD_PRODUCT] = N_("Product"),
        [FIELD_VERSION] = N_("Version"),
        [FIELD_EXPOSED] = N_("Open to the internet"),
        [FIELD_HOSTS] = N_("Hosts"),
        [FIELD_USERS] = N_("Users"),
        [FIELD_SHARED_WITH] = N_("Shared with"),
        [FIELD_CRITICALITY] = N_("Criticality"),
        [FIELD_NOTES] = N_("Notes"),
        [FIELD_ASSET_NUMBER] = N_("Asset number"),
        [FIELD_RENEWED_ON] = N_("Renewed on"),
    };
    return (unsigned)f < FIELD_COUNT ? messages_get(lang, labels[f]) : "";
}

const char *category_label(enum lang lang, enum ledger_category c)
{
    static const char *const labels[] = {
        [CATEGORY_UNKNOWN] = N_("Category not known"), [CATEGORY_EXTERNAL] = N_("External systems"),
        [CATEGORY_INTERNAL] = N_("Internal systems"),  [CATEGORY_SAAS] = N_("SaaS"),
        [CATEGORY_CLIENT] = N_("Client software"),
    };
    return (unsigned)c < ARRAY_LEN(labels) ? messages_get(lang, labels[c]) : "";
}

/* --- why a column goes where it goes */

static const char *two_in_one(enum lang lang, const struct mapping_column *c)
{
    if (c->second == FIELD_VERSION)
        return T(lang, "holds product and version; split, full-width digits read");
    if (c->second == FIELD_OWNER)
        return T(lang, "holds department and name; split at the space");
    return T(lang, "holds two things in one; split");
}

static const char *simple_reason(enum lang lang, const struct mapping_column *c)
{
    static const struct {
        const char *id, *text;
    } reasons[] = {
        {"header", N_("the header says so")},
        {"contents", N_("the contents look like it")},
        {"remembered", N_("as in the last file")},
        {"unknown", N_("the header names no field; kept beside the row")},
        {"empty", N_("an empty column")},
        {"own", N_("follows from the answers on the board; not read back")},
        {"row_numbers", N_("numbers of the rows; not needed")},
    };
    if (strcmp(c->reason, "two_in_one") == 0)
        return two_in_one(lang, c);
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (strcmp(c->reason, reasons[i].id) == 0)
            return messages_get(lang, reasons[i].text);
    return c->reason;
}

static void add_fullness(struct buf *out, enum lang lang, const struct column_summary *c,
                         uint32_t rows)
{
    (void)buf_add_str(out, T(lang, ", "));
    if (c->filled == rows && rows && c->distinct == rows)
        (void)buf_addf(out, T(lang, "all %u filled and distinct"), rows);
    else if (c->filled == rows && rows)
        (void)buf_addf(out, T(lang, "all %u filled"), rows);
    else
        (void)buf_addf(out, T(lang, "%u of %u filled"), c->filled, rows);
}

/* What cannot be read of dates, marks and categories. */
static void add_readable(struct buf *out, enum lang lang, enum ledger_field f,
                         const struct column_summary *c, const struct sheet_summary *s)
{
    if (f == FIELD_CATEGORY && s->spelling_count) {
        (void)buf_add_str(out, T(lang, ", "));
        (void)buf_addf(out,
                       s->more_spellings ? T(lang, "more than %zu spellings lead to %zu categories")
                                         : T(lang, "%zu spellings lead to %zu categories"),
                       s->spelling_count, s->categories);
    } else if (f == FIELD_EXPOSED) {
        (void)buf_add_str(out, T(lang, ", "));
        (void)buf_add_str(out, T(lang, "○ is yes, × is no, empty is not known"));
    }
    bool reads = f == FIELD_CATEGORY || f == FIELD_EXPOSED || f == FIELD_RENEWED_ON;
    if (reads && c->unreadable) {
        (void)buf_add_str(out, T(lang, ", "));
        (void)buf_addf(out, T(lang, "%u cannot be read"), c->unreadable);
    } else if (f == FIELD_RENEWED_ON && c->filled) {
        (void)buf_add_str(out, T(lang, ", "));
        (void)buf_add_str(out, T(lang, "all dates read"));
    }
    if (c->errors) {
        (void)buf_add_str(out, T(lang, ", "));
        (void)buf_addf(out, T(lang, "%u with an error of the sheet"), c->errors);
    }
}

enum status mapping_add_reason(struct buf *out, enum lang lang, const struct mapping *m,
                               size_t column, const struct sheet_summary *s)
{
    const struct mapping_column *c = &m->columns[column];
    (void)buf_add_str(out, simple_reason(lang, c));
    if (s && c->field != FIELD_LEAVE_OUT) {
        add_fullness(out, lang, &s->columns[column], s->rows);
        add_readable(out, lang, c->field, &s->columns[column], s);
    }
    return buf_status(out);
}

/* --- problems */

static void add_place(struct buf *out, enum lang lang, const struct problem_at *at, bool two_rows)
{
    char letters[COLUMN_LETTERS_SIZE];
    column_letters(at->column, letters);
    if (at->sheet) {
        struct buf sheet;
        buf_init(&sheet, 4096);
        (void)text_add_escaped(&sheet, slice_str(at->sheet));
        (void)buf_addf(out, T(lang, "sheet %s, "), buf_text(&sheet));
        if (buf_status(&sheet) != OK)
            out->failed = buf_status(&sheet);
        buf_done(&sheet);
    }
    if (two_rows)
        (void)buf_addf(out, T(lang, "rows %u and %u: "), at->other_row, at->row);
    else
        (void)buf_addf(out, T(lang, "row %u, column %s: "), at->row, letters);
}

enum status problem_add_text(struct buf *out, enum lang lang, const char *id,
                             const struct problem_at *at)
{
    static const struct {
        const char *id;
        bool value;    /* the cell's text stands before the sentence */
        bool two_rows; /* it is about two rows, not about a cell */
        const char *text;
    } problems[] = {
        {"name_missing", false, false,
         N_("the name is empty. Leave the row out, or correct it and send the file again")},
        {"error_cell", true, false, N_("an error of the sheet, read as empty")},
        {"formula_unknown", true, false,
         N_("a formula whose result the file does not hold, read as empty. Open the file in Excel, "
            "save it and send it again")},
        {"category_unknown", true, false,
         N_("none of the four categories. The row is kept without a category")},
        {"date_unreadable", true, false,
         N_("not a date that can be read, read as empty. Write it as 2021-12-10")},
        {"heading", true, false, N_("a heading across the columns, left out")},
        {"header_again", true, false, N_("the header once more, left out")},
        {"mail_unreadable", true, false, N_("not one mail address, read as empty")},
        {"exposed_unknown", true, false, N_("neither yes nor no, read as not known")},
        {"too_long", false, false,
         N_("longer than a field can be. Shorten it, or leave the row out")},
        {"hosts_too_many", false, false,
         N_("more hosts than a row can have. Divide the row, or leave it out")},
        {"duplicate_row", false, true,
         N_("the same name and product. Keep one of them, or make the names differ")},
        {"duplicate_number", true, true,
         N_("the same asset number. Keep one of them, or correct the number")},
    };
    for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
        if (strcmp(id, problems[i].id) != 0)
            continue;
        add_place(out, lang, at, problems[i].two_rows && at->other_row);
        if (problems[i].value) {
            (void)text_add_escaped(out, slice_sub(at->value, 0, 200));
            (void)buf_add_str(out, ": ");
        }
        return buf_add_str(out, messages_get(lang, problems[i].text));
    }
    add_place(out, lang, at, false);
    return buf_add_str(out, id);
}
