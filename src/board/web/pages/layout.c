/* The frame of every page. See layout.h. */
#include "board/web/pages/layout.h"

struct page_frame page_frame_of(const struct web_request *r)
{
    return (struct page_frame){
        .theme = r->theme ? r->theme : "",
        .csrf = r->csrf ? r->csrf : "",
        .user = r->actor.role != ROLE_NONE ? slice_str(r->actor.name) : (struct slice){NULL, 0},
        .role = r->actor.role,
    };
}

/* Midnight of the local day as if it were UTC, so that two of them differ by whole days. */
static int64_t day_ms(int64_t ms)
{
    char unused[TIME_RFC3339_SIZE];
    struct civil c;
    time_format_local(ms, unused, &c);
    return ms_of_civil(&(struct civil){.year = c.year, .month = c.month, .day = c.day});
}

int64_t page_incident_day(const struct html *h, const struct page_frame *f)
{
    int64_t days = (day_ms(h->now_ms) - day_ms(f->incident_opened_ms)) / 86400000;
    return days < 0 ? 1 : days + 1;
}
