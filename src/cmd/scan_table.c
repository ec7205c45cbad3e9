/* For people at a terminal: the verdict first, in words that read the same without colour; nothing
 * of a path is left out. Facts stand beside the finding from 100 columns on, below it under that.
 */
#include "base/limits.h"
#include "base/text.h"
#include "cmd/scan_format.h"

enum { WIDE = 100, VERDICT = 11, COMPONENT = 23, CVE = 16, STATE = 14, LEFT = 64, LISTED = 10 };

#define RED "1;31"
#define YELLOW "33"
#define GREEN "32"
#define BOLD "1"
#define DIM "2"

static const struct {
    const char *verdict, *word, *colour;
} states[CVE_STATE_COUNT] = {
    [CVE_UNSTATED] = {N_("NOT AFFECTED"), N_("not affected"), GREEN},
    [CVE_AFFECTED] = {N_("AFFECTED"), N_("affected"), RED},
    [CVE_MITIGATED] = {N_("MITIGATED"), N_("mitigated"), YELLOW},
    [CVE_FIXED] = {N_("FIXED"), N_("fixed"), GREEN},
    [CVE_NOT_AFFECTED] = {N_("NOT AFFECTED"), N_("not affected"), GREEN},
    [CVE_UNKNOWN] = {N_("UNKNOWN"), N_("unknown"), YELLOW},
};

static void spaces(struct scan_run *r, size_t n)
{
    while (n--)
        (void)buf_add_char(&r->out, ' ');
}

static void paint(struct scan_run *r, const char *code, const char *text)
{
    if (r->colour)
        (void)buf_addf(&r->out, "\033[%sm", code);
    (void)text_add_escaped(&r->out, slice_str(text));
    if (r->colour)
        (void)buf_add_str(&r->out, "\033[0m");
}

/* As paint, then spaces up to `columns`; one at least. */
static void cell(struct scan_run *r, const char *code, const char *text, size_t columns)
{
    size_t n = text_columns(slice_str(text));
    paint(r, code ? code : "0", text);
    spaces(r, n < columns ? columns - n : 1);
}

static void plain(struct scan_run *r, const char *text, size_t columns)
{
    size_t n = text_columns(slice_str(text));
    (void)text_add_escaped(&r->out, slice_str(text));
    spaces(r, n < columns ? columns - n : 1);
}

/* Text in lines, the first where the cursor stands, the next ones indented. */
static void folded(struct scan_run *r, struct slice text, size_t indent, const char *code)
{
    size_t room = r->columns > indent + 20 ? r->columns - indent : 20;
    for (bool first = true; text.n || first; first = false) {
        size_t n = text_line(text, room);
        if (!first)
            spaces(r, indent);
        if (r->colour && code)
            (void)buf_addf(&r->out, "\033[%sm", code);
        (void)text_add_escaped(&r->out, slice_sub(text, 0, n));
        if (r->colour && code)
            (void)buf_add_str(&r->out, "\033[0m");
        (void)buf_add_char(&r->out, '\n');
        while (n < text.n && text.p[n] == ' ')
            n++;
        text = slice_sub(text, n, text.n);
    }
}

static struct slice last_name(struct slice s)
{
    size_t at = s.n;
    while (at && s.p[at - 1] != '/')
        at--;
    return slice_sub(s, at, s.n);
}

/* One part of a path, its last name bold where that is the file or the finding itself. */
static void path_part(struct scan_run *r, struct slice part, bool bold)
{
    struct slice name = last_name(part);
    (void)text_add_escaped(&r->out, slice_sub(part, 0, part.n - name.n));
    if (bold && r->colour)
        (void)buf_add_str(&r->out, "\033[" BOLD "m");
    (void)text_add_escaped(&r->out, name);
    if (bold && r->colour)
        (void)buf_add_str(&r->out, "\033[0m");
}

/* Takes the next part of the way in: "/a.ear", "!/b.war", …; false at the end. */
static bool next_part(struct slice *rest, struct slice *ret)
{
    if (rest->n == 0)
        return false;
    size_t skip = slice_starts(*rest, SLICE_LIT("!/")) ? 2 : 0;
    size_t at = slice_find(slice_sub(*rest, skip, rest->n), SLICE_LIT("!/"));
    *ret = slice_sub(*rest, 0, skip + at);
    *rest = slice_sub(*rest, skip + at, rest->n);
    return true;
}

/* The way in, folded at "!/" where it does not fit; each line ended. */
static void put_path(struct scan_run *r, const char *path, size_t indent)
{
    struct slice rest = slice_str(path), part;
    bool fits = indent + text_columns(rest) <= r->columns;
    for (size_t i = 0; next_part(&rest, &part); i++) {
        if (i && !fits) {
            (void)buf_add_char(&r->out, '\n');
            spaces(r, indent + 2 * i);
        }
        path_part(r, part, i == 0 || rest.n == 0);
    }
    (void)buf_add_char(&r->out, '\n');
}

static void join_evidence(const struct scan_run *r, const struct scan_finding *f, struct buf *b)
{
    buf_init(b, KIB(256));
    for (size_t i = 0; i < f->evidence_count; i++) {
        (void)buf_add_str(b, i ? T(r->lang, "; ") : "");
        (void)buf_add_str(b, f->evidence[i]);
    }
}

static void title(const struct scan_run *r, const struct scan_finding *f, struct buf *b)
{
    buf_init(b, KIB(8));
    (void)buf_addf(b, "%s ", f->component);
    if (f->version)
        (void)buf_add_str(b, f->version);
    else if (f->range && strlen(f->range) <= 40)
        (void)buf_addf(b, T(r->lang, "(version %s)"), f->range);
    else
        (void)buf_add_str(b, T(r->lang, "(version not known)"));
}

static void put_cves(struct scan_run *r, const struct scan_finding *f, enum cve_state want,
                     size_t indent, const char *code)
{
    struct buf b;
    buf_init(&b, KIB(8));
    for (size_t i = 0; i < r->p->cve_count; i++)
        if (f->states[i] == want)
            (void)buf_addf(&b, "%s%s", b.n ? " " : "", r->p->cves[i].id);
    folded(r, buf_slice(&b), indent, code);
    buf_done(&b);
}

static void narrow(struct scan_run *r, const struct scan_finding *f, enum cve_state worst)
{
    enum { LABEL = 13 };
    struct buf b;
    bool others[CVE_STATE_COUNT] = {false};
    for (size_t i = 0; i < r->p->cve_count; i++)
        others[f->states[i]] = true;
    cell(r, states[worst].colour, T(r->lang, states[worst].verdict), VERDICT);
    title(r, f, &b);
    if (worst == CVE_FIXED || worst == CVE_NOT_AFFECTED || worst == CVE_UNSTATED) {
        (void)text_add_escaped(&r->out, buf_slice(&b));
        (void)buf_add_char(&r->out, '\n');
    } else {
        size_t n = text_columns(buf_slice(&b));
        plain(r, buf_text(&b), COMPONENT - 1);
        if (n >= COMPONENT - 1) {
            buf_cut(&r->out, r->out.n - 1);
            (void)buf_add_char(&r->out, '\n');
            spaces(r, VERDICT + COMPONENT - 1);
        }
        put_cves(r, f, worst, VERDICT + COMPONENT - 1, worst == CVE_AFFECTED ? BOLD : NULL);
    }
    buf_done(&b);
    spaces(r, 2);
    put_path(r, f->path, 2);
    for (enum cve_state s = CVE_AFFECTED; s < CVE_STATE_COUNT; s++)
        if (s != worst && others[s] && worst != CVE_FIXED) {
            spaces(r, 2);
            cell(r, states[s].colour, T(r->lang, states[s].word), LABEL - 2);
            put_cves(r, f, s, LABEL, NULL);
        }
    spaces(r, 2);
    cell(r, DIM, T(r->lang, "how known"), LABEL - 2);
    join_evidence(r, f, &b);
    folded(r, buf_slice(&b), LABEL, DIM);
    buf_done(&b);
    (void)buf_add_char(&r->out, '\n');
}

/* The right-hand column of the wide table, as lines that may hold colours. */
static void right_lines(struct scan_run *r, const struct scan_finding *f, struct buf *lines)
{
    struct buf keep = r->out, evidence;
    struct slice rest = slice_str(f->path), part, text;
    size_t room = r->columns - LEFT;
    buf_init(&r->out, MIB(1));
    for (size_t i = 0; next_part(&rest, &part); i++) {
        spaces(r, 2 * i);
        path_part(r, part, i == 0 || rest.n == 0);
        (void)buf_add_char(&r->out, '\n');
    }
    join_evidence(r, f, &evidence);
    for (text = buf_slice(&evidence); text.n;) {
        size_t n = text_line(text, room);
        struct buf line;
        buf_init(&line, KIB(64));
        (void)buf_add_slice(&line, slice_sub(text, 0, n));
        paint(r, DIM, buf_text(&line));
        (void)buf_add_char(&r->out, '\n');
        buf_done(&line);
        while (n < text.n && text.p[n] == ' ')
            n++;
        text = slice_sub(text, n, text.n);
    }
    buf_done(&evidence);
    *lines = r->out;
    r->out = keep;
}

static void wide(struct scan_run *r, const struct scan_finding *f, enum cve_state worst)
{
    struct buf right;
    struct slice rest, line;
    size_t cve = 0;
    right_lines(r, f, &right);
    rest = buf_slice(&right);
    for (size_t i = 0;; i++) {
        while (cve < r->p->cve_count && f->states[cve] == CVE_UNSTATED)
            cve++;
        bool more = slice_next_line(&rest, &line);
        if (!more && cve >= r->p->cve_count && i >= 2)
            break;
        if (i == 0)
            cell(r, states[worst].colour, T(r->lang, states[worst].verdict), VERDICT);
        else
            spaces(r, VERDICT);
        plain(r,
              i == 0   ? f->component
              : i == 1 ? (f->version ? f->version : T(r->lang, "(version not known)"))
                       : "",
              COMPONENT);
        if (cve < r->p->cve_count) {
            enum cve_state s = f->states[cve];
            plain(r, r->p->cves[cve].id, CVE);
            cell(r, states[s].colour, T(r->lang, states[s].word), STATE);
            cve++;
        } else {
            spaces(r, CVE + STATE);
        }
        if (more)
            (void)buf_add_slice(&r->out, line);
        while (r->out.n && r->out.p[r->out.n - 1] == ' ')
            buf_cut(&r->out, r->out.n - 1);
        (void)buf_add_char(&r->out, '\n');
    }
    buf_done(&right);
    (void)buf_add_char(&r->out, '\n');
}

static void begin(struct scan_run *r)
{
    (void)r;
}

static void finding(struct scan_run *r, const struct scan_finding *f)
{
    enum cve_state worst = finding_state(f);
    if (r->columns >= WIDE && !r->any) {
        plain(r, T(r->lang, "VERDICT"), VERDICT);
        plain(r, T(r->lang, "COMPONENT"), COMPONENT);
        plain(r, "CVE", CVE);
        plain(r, T(r->lang, "STATE"), STATE);
        (void)buf_addf(&r->out, "%s\n", T(r->lang, "WHERE, AND HOW IT IS KNOWN"));
    }
    r->any = true;
    if (r->columns >= WIDE)
        wide(r, f, worst);
    else
        narrow(r, f, worst);
}

static const char *grouped(uint64_t v, char out[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    size_t to = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return out;
}

static const char *amount(uint64_t bytes, char out[32])
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t i = 0;
    for (; v >= 999.5 && i + 1 < ARRAY_LEN(units); i++)
        v /= 1000;
    (void)snprintf(out, 32, v < 10 && i ? "%.1f %s" : "%.0f %s", v, units[i]);
    return out;
}

/* "52,331 files, 2,207 archives" */
static void put_amounts(const struct scan_run *r, struct buf *b)
{
    char n[32];
    (void)buf_addf(b, TN(r->lang, "%s file", "%s files", (int64_t)r->counts.files),
                   grouped(r->counts.files, n));
    (void)buf_addf(b, TN(r->lang, ", %s archive", ", %s archives", (int64_t)r->counts.archives),
                   grouped(r->counts.archives, n));
}

static void put_counts(struct scan_run *r)
{
    static const enum cve_state order[] = {CVE_AFFECTED, CVE_MITIGATED, CVE_FIXED, CVE_UNKNOWN,
                                           CVE_NOT_AFFECTED};
    char bytes[32], n[32];
    double seconds = (double)(r->ended_ms - r->started_ms) / 1000;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if (order[i] == CVE_NOT_AFFECTED && r->by_state[order[i]] == 0)
            continue;
        (void)buf_add_str(&r->out, i ? "   " : "");
        /* TRANSLATORS: a count and a state, "3 affected" */
        (void)buf_addf(&r->out, T(r->lang, "%1$s %2$s"), grouped(r->by_state[order[i]], n),
                       T(r->lang, states[order[i]].word));
    }
    (void)buf_add_char(&r->out, '\n');
    struct buf line;
    buf_init(&line, KIB(1));
    put_amounts(r, &line);
    (void)buf_addf(&line, T(r->lang, ", %s in %.1f s"), amount(r->counts.bytes, bytes), seconds);
    if (r->incomplete.count == 0)
        (void)buf_add_str(&line, T(r->lang, ", all read to the end"));
    paint(r, DIM, buf_text(&line));
    buf_done(&line);
    (void)buf_add_char(&r->out, '\n');
}

static void put_places(struct scan_run *r, const struct place_list *l, uint64_t most)
{
    enum { WIDEST = 36 };
    const char *path = NULL, *reason = NULL;
    size_t widest = 0;
    uint64_t shown = 0;
    for (size_t at = 0; shown < most && place_next(l, &at, &path, &reason); shown++) {
        size_t n = text_columns(slice_str(path));
        widest = n > widest && n <= WIDEST ? n : widest;
    }
    shown = 0;
    for (size_t at = 0; shown < most && place_next(l, &at, &path, &reason); shown++) {
        spaces(r, 2);
        if (text_columns(slice_str(path)) <= WIDEST) {
            plain(r, path, widest + 3);
            folded(r, slice_str(reason), widest + 5, NULL);
        } else {
            put_path(r, path, 2);
            spaces(r, 6);
            folded(r, slice_str(reason), 6, NULL);
        }
    }
    if (l->count > shown) {
        char n[32];
        (void)buf_addf(&r->out, T(r->lang, "  and %s more. List them with --incomplete"),
                       grouped(l->count - shown, n));
        (void)buf_add_char(&r->out, '\n');
    }
}

static void put_incomplete(struct scan_run *r)
{
    char n[32];
    uint64_t count = r->incomplete.count;
    struct buf b;
    paint(r, YELLOW, T(r->lang, "NOT FULLY EXAMINED"));
    buf_init(&b, KIB(1));
    if (r->found)
        (void)buf_addf(&b,
                       TN(r->lang, ": %s place. Nothing is said about what it holds.",
                          ": %s places. Nothing is said about what they hold.", (int64_t)count),
                       grouped(count, n));
    else
        (void)buf_addf(&b,
                       TN(r->lang, ": nothing was found in what could be read, %s place could not",
                          ": nothing was found in what could be read, %s places could not",
                          (int64_t)count),
                       grouped(count, n));
    (void)buf_add_slice(&r->out, buf_slice(&b));
    buf_done(&b);
    (void)buf_add_char(&r->out, '\n');
    put_places(r, &r->incomplete, r->list_incomplete ? UINT64_MAX : LISTED);
}

static void put_nothing(struct scan_run *r)
{
    struct buf amounts;
    buf_init(&amounts, KIB(1));
    put_amounts(r, &amounts);
    paint(r, GREEN, T(r->lang, "NOTHING FOUND"));
    /* TRANSLATORS: of a profile, in so many files and archives */
    (void)buf_addf(&r->out, T(r->lang, " of %1$s in %2$s, all read to the end"), r->p->id,
                   buf_text(&amounts));
    (void)buf_add_char(&r->out, '\n');
    buf_done(&amounts);
}

static void end(struct scan_run *r)
{
    if (r->found) {
        put_counts(r);
        (void)buf_add_str(&r->out, r->incomplete.count ? "\n" : "");
    } else if (!r->incomplete.count) {
        put_nothing(r);
    }
    if (r->incomplete.count)
        put_incomplete(r);
    if (r->list_incomplete && r->skipped.count) {
        (void)buf_addf(&r->out, "%s\n",
                       T(r->lang, "Passed over, because no files of their own lie there:"));
        put_places(r, &r->skipped, UINT64_MAX);
    }
}

const struct scan_format scan_format_table = {"table", true, begin, finding, end};
