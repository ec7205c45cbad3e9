/* Every limit that hostile input can run into, in one place, with its reason. Each has a test at
 * one below, at and one above it. What meets a limit is reported as "not fully examined" (files) or
 * refused with the figure (requests), never treated as clean or done.
 */
#ifndef HIKESHI_BASE_LIMITS_H
#define HIKESHI_BASE_LIMITS_H

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define GIB(n) ((size_t)(n) << 30)

/* --- messages (base/messages) */
#define LIMIT_MO_BYTES MIB(4) /* a compiled catalogue; ours has some 100 KiB */

/* --- profile: a folder somebody else may have written */
#define LIMIT_PROFILE_FILE MIB(1)   /* one file; the largest of ours has 100 KiB */
#define LIMIT_PROFILE_MEMORY MIB(8) /* everything parsed */

/* --- office (board/office) */
#define LIMIT_OFFICE_FILE_BYTES MIB(128) /* a ledger of 50,000 rows is some 5 MiB */
#define LIMIT_OFFICE_TEXT_BYTES MIB(256) /* a CSV as UTF-8: CP932 kana grows by half */
#define LIMIT_SHEET_COLUMNS 200         /* ledgers have 10 to 60; the mapping page shows each one */
#define LIMIT_SHEET_ROWS 1048576        /* Excel's own */
#define LIMIT_CELL_BYTES KIB(128)       /* Excel: 32,767 characters, up to 4 bytes each */
#define LIMIT_XLSX_PART_BYTES MIB(768)  /* a sheet's inflated XML; 50,000 x 20 cells are 60 MiB */
#define LIMIT_XLSX_TOTAL_BYTES GIB(2)   /* all parts inflated while one book is open: time */
#define LIMIT_XLSX_STRING_BYTES MIB(96) /* the shared strings, which stay in memory */
#define LIMIT_XLSX_STRINGS 4000000      /* their number: 4 bytes each */
#define LIMIT_XLSX_TOKEN_BYTES MIB(1)   /* one XML tag or text as expat has to hold it */
#define LIMIT_XLSX_DEPTH 64             /* nesting of XML elements; sheets need 6 */
#define LIMIT_XLSX_SHEETS 255           /* Excel's own */
#define LIMIT_XLSX_STYLES 65536         /* Excel: 65,490 cell formats */
#define LIMIT_XLSX_MERGES 65536         /* merged blocks of one sheet */
#define LIMIT_SUMMARY_BYTES MIB(32)     /* hashes of different cells: 8 bytes each */
#define LIMIT_MAPPING_JSON_BYTES KIB(256)
/* --- case (board/case) */
#define LIMIT_BULK_ROWS 10000  /* rows of the ledger asked or assigned in one event */
#define LIMIT_SEARCH_WORDS 8   /* of one search; each is a condition of the query */
#define LIMIT_SEARCH_BYTES 400 /* of one search, folded */
#define LIMIT_LEDGER_ROWS                                                                         \
    200000 /* of one ledger, and of one sheet: 100 bytes each while an import is planned; a large \
              group's has 50,000 */
/* --- survey (board/case) */
#define LIMIT_SURVEY_TEXT_BYTES 8000   /* what somebody says or why; a page of Japanese has 3,000 */
#define LIMIT_SURVEY_DETAIL_BYTES 200  /* a version; the name of a file */
#define LIMIT_SURVEY_LINK_BYTES 2000   /* what browsers take */
#define LIMIT_SURVEY_BULK 10000        /* proposals judged in one event */
#define LIMIT_TIMELINE_TEXT_BYTES 8000 /* one entry; real ones have some lines */
#define LIMIT_FINDINGS_LINE KIB(256)   /* one finding: paths nest, and there are 64 CVEs */
#define LIMIT_FINDINGS_SUMMARY MIB(20) /* the last line: two lists of up to 8 MiB each */
#define LIMIT_FINDINGS_NAME 400        /* a component, a version, a tool */
#define LIMIT_FINDINGS_CVES 64         /* as many as a profile has */
#define LIMIT_FINDINGS 1000000         /* of one scan; a host full of build folders has 100,000 */
#define LIMIT_ATTACHMENT_BYTES MIB(8)  /* a vendor's letter as PDF has 1 or 2 */
/* --- codec and hunt: together they keep a search below 64 MiB of memory */
#define LIMIT_CODEC_MEMORY MIB(12)    /* what one packed file may ask for; xz -6 takes 9 MiB */
#define LIMIT_ZSTD_WINDOW_LOG 23      /* 8 MiB, as RFC 8878 section 3.1.1.1.2 recommends */
#define LIMIT_HUNT_LINE KIB(64)       /* a line examined whole; servers cut theirs at 8 or 16 KiB */
#define LIMIT_HUNT_BLOCK KIB(128)     /* text that is searched at once at least: two such lines */
#define LIMIT_HUNT_PENDING MIB(1)     /* sightings of one part that wait for the parts before it */
#define LIMIT_HUNT_WAITING MIB(6)     /* the same of all parts that are done */
#define LIMIT_HUNT_SUMS 20000         /* clients, call-backs, days that are counted one by one */
#define LIMIT_HUNT_NAME 255           /* the longest that is counted by name; DNS ends at 253 */
#define LIMIT_HUNT_NAMES MIB(2)       /* all names of one sum; 20,000 hosts have 50 bytes each */
#define LIMIT_HUNT_SUMMARY MIB(40)    /* two sums and the list of what was not read, as JSON */
#define LIMIT_HUNT_TEXT 4096          /* bytes of a text that a sighting keeps */
#define LIMIT_PATTERNS 64             /* of a profile: compiling takes time and memory */
#define LIMIT_PATTERN_MATCHES 4096    /* found at once; then the text up to there is told first */
#define LIMIT_OUTBOUND_EVENTS 32      /* kept of one call-back: the first; the last ones apart */
#define LIMIT_OUTBOUND_KEPT 100000    /* of all call-backs together, of each at least one */
#define LIMIT_IOC_BYTES MIB(8)        /* a list of indicators */
#define LIMIT_HUNT_INCOMPLETE MIB(2)  /* the list of what was not read; all of it is counted */
#define LIMIT_HUNT_JOBS 64            /* what --jobs may ask for */
#define LIMIT_HUNT_CODECS MIB(17)     /* codecs that one thread holds, one inside the other */
#define LIMIT_HUNT_ALL_CODECS MIB(40) /* of four threads together, but for the first in order */
#define LIMIT_HUNT_INFLATED GIB(64)   /* of one archive, all members together: bombs */
#define LIMIT_HUNT_SPOOL GIB(4)       /* zips inside archives, on disk while they are searched */
/* --- explain: one text that a person wants explained */
#define LIMIT_EXPLAIN_BYTES MIB(4)
/* --- scan: each has the figure that keeps a whole scan below 32 MiB of memory */
#define LIMIT_ZIP_PACKED MIB(4)     /* packed bytes of an entry that is inflated in one piece */
#define LIMIT_NESTED_BYTES MIB(8)   /* an inner archive held in memory; a larger one goes to disk */
#define LIMIT_NESTED_TOTAL MIB(12)  /* all that are open at once, one inside the other */
#define LIMIT_INFLATED_BYTES GIB(4) /* of one file, all archives in it together: bombs */
#define LIMIT_CLASS_BYTES MIB(1)    /* the largest class that a profile names has 25 KiB */
#define LIMIT_POM_BYTES KIB(64)     /* Maven writes 100 bytes */
#define LIMIT_MANIFEST_BYTES MIB(2) /* a signed jar names every entry: 100 bytes each */
#define LIMIT_COPIES 256            /* copies of components in one archive */
#define LIMIT_LOOSE_COPIES 4096     /* the same in the folders of a disk */
#define LIMIT_COPIES_MEMORY MIB(8)  /* their evidence */
#define LIMIT_SCAN_DEPTH 64         /* what --max-depth may ask for */
#define LIMIT_WALK_DEPTH 512        /* folders inside folders: one open file each */
#define LIMIT_FOLDER_NAMES MIB(16)  /* names of the folders in one folder: some 500,000 */
#define LIMIT_PATH_BYTES KIB(64)    /* of a folder on the disk; Linux itself takes 4 KiB at once */
#define LIMIT_INCOMPLETE_BYTES MIB(8) /* the list of places that were not read; all are counted */

/* --- web (board/web) */
#define LIMIT_FORM_FIELDS 4000           /* 200 rows a page, some 10 fields each */
#define LIMIT_FORM_NAME 120              /* bytes of a field's name; ours are short */
#define LIMIT_FORM_VALUE KIB(256)        /* one field: a pasted advisory */
#define LIMIT_FORM_TEXT MIB(2)           /* all fields together */
#define LIMIT_FORM_HEADERS 4096          /* of one part of a multipart form */
#define LIMIT_FORM_FILES 8               /* files in one form */
#define LIMIT_FORM_FILE_NAME 255         /* bytes of a file's name that are kept */
#define LIMIT_WEB_HEADERS 100            /* header fields of a request */
#define LIMIT_WEB_HEADER_BYTES KIB(32)   /* a request's line and headers, and what MHD buffers */
#define LIMIT_WEB_URI 8000               /* path and query */
#define LIMIT_WEB_REQUEST_MEMORY MIB(48) /* the arena of one request */
#define LIMIT_PAGE_BYTES MIB(8)          /* HTML or JSON of one answer */
#define LIMIT_JSON_BODY MIB(8)           /* a JSON body that is held whole; more is streamed */
#define LIMIT_JSON_DEPTH 64              /* nesting of a JSON body */
#define LIMIT_UPLOAD_BYTES MIB(128)      /* one file: LIMIT_OFFICE_FILE_BYTES */
#define LIMIT_WEB_CONNECTIONS 4096       /* open connections of one board */
#define LIMIT_WEB_PER_ADDRESS 1024 /* of one address that is no trusted proxy: an office's NAT */
#define LIMIT_WEB_STREAMS 2000     /* event streams: 19 KiB each */
#define LIMIT_WEB_STREAMS_EACH 32  /* of one session: tabs */

/* --- guard: the core that looks at requests */
#define LIMIT_GUARD_FIELD_NAME 256 /* bytes of a field's name that are kept and compared */
#define LIMIT_GUARD_KEY 512        /* bytes of a call-back that are told */
#define LIMIT_GUARD_MARKS 32       /* fields of one window that are told apart */
#define LIMIT_GUARD_DEPTH 128      /* JSON and XML: the path ends there, examining does not */
#define LIMIT_GUARD_BOUNDARY 200   /* of multipart; RFC 2046 allows 70 */
#define LIMIT_GUARD_NESTED 2       /* multiparts in a multipart: 9 KiB of memory each */
#define LIMIT_GUARD_RATIO 100      /* inflated bytes for one packed one, behind the first MiB */
#define LIMIT_GUARD_ALLOWED 16     /* allowed call-backs of one text that are looked behind */
#define LIMIT_GUARD_CREDITS 1024   /* clients of a worker whose credit is kept apart */
/* --- guard: events (guard/event) */
#define LIMIT_GUARD_EVENT KIB(8)     /* a line, newline and all: one datagram of syslog */
#define LIMIT_GUARD_EVENT_BRIEF 4096 /* PIPE_BUF: a write to a pipe that is all or nothing */
#define LIMIT_GUARD_CLIENTS 4096     /* whose events are counted: 64 bytes each, in each worker */
#define LIMIT_GUARD_EVENT_TEXT 512   /* of the field's text; as much as a reader looks at */
/* --- guard: rules of the edge (guard/rules) */
#define LIMIT_GUARD_RULES_BYTES MIB(8)   /* one file; 100,000 addresses are 3 MiB */
#define LIMIT_GUARD_RULES_MEMORY MIB(32) /* names and texts of it */
#define LIMIT_GUARD_LINE 4096            /* a pattern with every byte escaped fits */
#define LIMIT_GUARD_ID 64                /* of a rule: it goes into every event */
#define LIMIT_GUARD_SITES 10000
#define LIMIT_GUARD_LISTED 100000   /* clients, and as many call-backs; memory: 40 bytes each */
#define LIMIT_GUARD_EXCEPTIONS 128  /* looked through for a request: some nanoseconds each */
#define LIMIT_GUARD_PATCHES 256     /* the same */
#define LIMIT_GUARD_SIGNATURES 256  /* compiling takes time and memory */
#define LIMIT_GUARD_PATTERN 1024    /* bytes of an expression */
#define LIMIT_GUARD_REPEAT 1000     /* {n,m} */
#define LIMIT_GUARD_NESTING 32      /* groups inside groups */
#define LIMIT_GUARD_EDGES 4096      /* of an expression as an automaton (rules_shape.c) */
#define LIMIT_GUARD_COPIED 200      /* those that repeats add: compiling took up to 0.3 s */
#define LIMIT_GUARD_ALL_EDGES 32768 /* of all of a file: mostly 0.5 s; the worst found took 4 s */
#define LIMIT_GUARD_ALL_COPIED 400
#define LIMIT_GUARD_STREAM KIB(64) /* of a request, between pieces: none nears it */
/* --- guard: requests that are tried (guard/http) */
#define LIMIT_GUARD_TRY_BYTES MIB(64)  /* all of standard input */
#define LIMIT_GUARD_TRY_MEMORY MIB(64) /* what examining one request keeps */
#define LIMIT_GUARD_HTTP_HEAD 65536    /* of one request; nginx takes 4 buffers of 8 KiB */
#define LIMIT_GUARD_HTTP_FIELDS 256    /* field lines of one request */

#endif
